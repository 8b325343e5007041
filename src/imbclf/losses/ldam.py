"""LDAM loss: label-distribution-aware margins, larger for rarer classes."""

from torch import Tensor
from torch.nn import functional as F

from imbclf.losses.base import in_full_precision
from imbclf.losses.class_weights import check_class_counts, class_weights, weighted_mean
from imbclf.losses.deferred import WeightedLoss
from imbclf.utils.checks import check_range


def ldam_margins(class_counts: tuple[int, int], max_margin: float) -> tuple[float, float]:
    """Return margins of label 0 and label 1 proportional to n_y^(-1/4), at most `max_margin`.

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
    """Return the mean of w_y log(1 + exp(-scale (s f - Delta_y))), s = -1 or 1 for label 0 or 1.

    Without margins and at scale 1 it is `weighted_bce`. Source: Cao et al., Learning Imbalanced
    Datasets with Label-Distribution-Aware Margin Loss, NeurIPS 2019.

    Args:
        logits: `[N]`, any floating dtype.
        targets: `[N]`, labels 0 and 1, or soft labels in between.
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
    """Cross-entropy with a margin for each class, larger for the rarer class.

    Args:
        class_counts: training images (n0, n1) of label 0 and label 1.
        max_margin: margin of the minority.
        scale: factor of logits and margins; 30 in the paper, with a normalized head whose logits
            are in [-1, 1]; 1 for a linear head.
        minority_weight: weight of the minority, that of the majority being 1; None for balanced
            weights.
        start_at: share of training before the class weights apply; 0.8 in the paper, where it gives
            most of the gain.
        ramp: share of training over which they then rise linearly.

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
        """Return the loss of logits `[N]` and targets `[N]`, a scalar."""
        return ldam_loss(logits, targets, *self.margins, self.scale, *self.weights)
