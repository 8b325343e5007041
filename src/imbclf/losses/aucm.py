"""AUC margin loss (AUCM): AUC maximization as a min-max problem over single images."""

import torch
from torch import Tensor, nn

from imbclf.losses.base import in_full_precision
from imbclf.losses.class_weights import class_means
from imbclf.utils.checks import check_range


def auc_margin_loss(
    logits: Tensor, targets: Tensor, a: Tensor, b: Tensor, alpha: Tensor, margin: float
) -> Tensor:
    """Return the objective of AUCM, to be minimized over f, a, b and maximized over alpha >= 0.

    With h = sigma(f), E1 and E0 the means over label 1 and over label 0 in the batch,

        E1 (h - a)^2 + E0 (h - b)^2 + 2 alpha (margin + E0 h - E1 h) - alpha^2.

    At its saddle point a = E1 h, b = E0 h, alpha = max(0, margin + b - a), it is
    Var1 h + Var0 h + max(0, margin - (a - b))^2. The variance within a class counts, so the score
    of a single image can be too high. If the batch lacks a label, a or b replaces its mean score.
    Source: Yuan et al., Large-scale Robust Deep AUC Maximization, ICCV 2021, there
    multiplied by p (1 - p), p being the share of label 1.

    Args:
        logits: `[N]`, any floating dtype.
        targets: `[N]`, labels 0 and 1, or soft labels in between.
        a: scalar, estimate of the mean score of label 1.
        b: scalar, estimate of the mean score of label 0.
        alpha: scalar, dual variable.
        margin: target difference of the mean scores.

    >>> a, b, alpha = torch.tensor(0.5), torch.tensor(0.5), torch.tensor(1.0)
    >>> auc_margin_loss(torch.zeros(2), torch.tensor([0, 1]), a, b, alpha, margin=1.0)
    tensor(1.)
    """
    logits, targets = in_full_precision(logits, targets)
    # a and b may be on the training device while dev is evaluated on another.
    a, b, alpha = (value.to(logits) for value in (a, b, alpha))
    scores = torch.sigmoid(logits)
    spread_0, spread_1 = class_means(targets, (scores - b) ** 2, (scores - a) ** 2)
    mean_0, mean_1 = class_means(targets, scores, scores)
    mean_0 = torch.where((1 - targets).sum() > 0, mean_0, b.detach())
    mean_1 = torch.where(targets.sum() > 0, mean_1, a.detach())
    return spread_1 + spread_0 + 2 * alpha * (margin + mean_0 - mean_1) - alpha**2


class AUCMarginLoss(nn.Module):
    """AUCM with a, b and alpha as parameters, trained by the optimizer of the network.

    One step descends in the network, a and b, and ascends in alpha, whose gradient is reversed.
    They start at the saddle point of a network with constant score 1/2, where scores of label 1
    are pushed up and those of label 0 down. They must have no weight decay. A pretrained network
    and batches with several minority images work best.

    Args:
        margin: target difference of the mean scores, which are between 0 and 1.

    Raises:
        UserError: the margin is not a number above 0.

    >>> loss = AUCMarginLoss(margin=1.0)
    >>> loss(torch.zeros(2), torch.tensor([0, 1])).item()
    1.0
    >>> sorted(name for name, _ in loss.named_parameters())
    ['a', 'alpha', 'b']
    """

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        check_range("loss.margin", margin, above=0)
        self.margin = margin
        self.a, self.b = nn.Parameter(torch.tensor(0.5)), nn.Parameter(torch.tensor(0.5))
        self.alpha = nn.Parameter(torch.tensor(float(margin)))

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of logits `[N]` and targets `[N]`, a scalar."""
        # The last step may have led below 0. Through .data, since an earlier graph may still need
        # alpha, which a second call does not change.
        self.alpha.data.clamp_(min=0)
        # Same value, gradient reversed: descent becomes ascent.
        ascending = 2 * self.alpha.detach() - self.alpha
        return auc_margin_loss(logits, targets, self.a, self.b, ascending, self.margin)
