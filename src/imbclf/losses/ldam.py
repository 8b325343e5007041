"""Label-distribution-aware margins: the rarer a class, the further off the boundary it is asked."""

from torch import Tensor
from torch.nn import functional as F

from imbclf.losses.base import in_full_precision
from imbclf.losses.class_weights import check_class_counts, class_weights, weighted_mean
from imbclf.losses.deferred import WeightedLoss
from imbclf.utils.checks import check_range


def ldam_margins(class_counts: tuple[int, int], max_margin: float) -> tuple[float, float]:
    """Return the margins of label 0 and label 1, as n_y^(-1/4), the minority's being `max_margin`.

    >>> ldam_margins((1, 16), max_margin=0.5)
    (0.5, 0.25)
    """
    n0, n1 = class_counts
    rarer = min(n0, n1)
    return max_margin * (rarer / n0) ** 0.25, max_margin * (rarer / n1) ** 0.25


def ldam_loss(
    logits: Tensor,
    targets: Tensor,
    margin_0: float,
    margin_1: float,
    scale: float = 1.0,
    weight_0: float = 1.0,
    weight_1: float = 1.0,
) -> Tensor:
    """Mean of w_y log(1 + exp(-scale (s f - Delta_y))), s being -1 for label 0 and 1 for label 1.

    Without margins and at scale 1 it is `weighted_bce`. Source: Cao et al., Learning Imbalanced
    Datasets with Label-Distribution-Aware Margin Loss, NeurIPS 2019.

    Args:
        logits: [N], any floating dtype.
        targets: [N], labels 0 and 1, or soft labels between.
        margin_0: Delta of label 0.
        margin_1: Delta of label 1.
        scale: factor of logits and margins.
        weight_0: weight of label 0.
        weight_1: weight of label 1.

    >>> import torch
    >>> ldam_loss(torch.tensor([-0.5, 0.25]), torch.tensor([0, 1]), margin_0=0.5, margin_1=0.25)
    tensor(0.6931)
    """
    logits, targets = in_full_precision(logits, targets)
    return weighted_mean(
        targets,
        F.softplus(scale * (logits + margin_0)),
        F.softplus(scale * (margin_1 - logits)),
        weight_0,
        weight_1,
    )


class LDAMLoss(WeightedLoss):
    """Cross-entropy that asks of each image a margin, the larger the rarer its class.

    Args:
        class_counts: training images (n0, n1) of label 0 and label 1.
        max_margin: margin of the minority.
        scale: factor of logits and margins; 30 in the paper, whose head is normalized so that
            logits lie in [-1, 1]. For a plain linear head, 1.
        minority_weight: weight of the minority, the majority's being 1; None balances the classes.
        start_at: share of training before the weights begin to count; the paper's 0.8 is what
            most of its gain comes from.
        ramp: share of training over which they then rise.

    Raises:
        UserError: a class has no image, or an option is out of range.

    >>> import torch
    >>> loss = LDAMLoss(class_counts=(1, 16), start_at=0.8)
    >>> loss(torch.tensor([-0.5, 0.25]), torch.tensor([0, 1]))
    tensor(0.6931)
    """

    def __init__(
        self,
        class_counts: tuple[int, int],
        max_margin: float = 0.5,
        scale: float = 1.0,
        minority_weight: float | None = None,
        start_at: float = 0.0,
        ramp: float = 0.0,
    ) -> None:
        check_range("loss.max_margin", max_margin, at_least=0)
        check_range("loss.scale", scale, above=0)
        super().__init__(class_weights(class_counts, minority_weight), start_at, ramp)
        self.margins, self.scale = ldam_margins(check_class_counts(class_counts), max_margin), scale

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of logits [N] and targets [N]."""
        return ldam_loss(logits, targets, *self.margins, self.scale, *self.weights)
