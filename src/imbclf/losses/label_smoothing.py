"""Label smoothing with a strength for each class."""

from torch import Tensor
from torch.nn import functional as F

from imbclf.losses.base import in_full_precision
from imbclf.losses.class_weights import class_weights, minority_weights, weighted_mean
from imbclf.losses.deferred import WeightedLoss
from imbclf.utils.checks import check_range


def smoothed_bce(
    logits: Tensor,
    targets: Tensor,
    smoothing_0: float,
    smoothing_1: float,
    weight_0: float = 1.0,
    weight_1: float = 1.0,
) -> Tensor:
    """Return the mean cross-entropy with a share e_y of each label y moved to the other label.

    The loss of an image, w_y [(1 - e_y) CE(f, y) + e_y CE(f, 1 - y)], is least at
    f = s log((1 - e_y) / e_y), with s = -1 for label 0 and 1 for label 1. The usual smoothing of
    strength e over two classes moves e / 2 to the other label: e_y = e / 2.

    Sources: Szegedy et al., Rethinking the Inception Architecture, CVPR 2016; by class: Zhong et
    al., Improving Calibration for Long-Tailed Recognition, CVPR 2021.

    Args:
        logits: `[N]`, any floating dtype.
        targets: `[N]`, labels 0 and 1, or soft labels in between.
        smoothing_0: e of label 0, from 0 to below 1/2.
        smoothing_1: e of label 1.
        weight_0: weight of label 0.
        weight_1: weight of label 1.

    >>> import torch
    >>> smoothed_bce(torch.tensor([2.0]), torch.tensor([1.0]), smoothing_0=0.0, smoothing_1=0.1)
    tensor(0.3269)
    """
    logits, targets = in_full_precision(logits, targets)
    as_0, as_1 = F.softplus(logits), F.softplus(-logits)
    return weighted_mean(
        targets,
        (1 - smoothing_0) * as_0 + smoothing_0 * as_1,
        (1 - smoothing_1) * as_1 + smoothing_1 * as_0,
        weight_0,
        weight_1,
    )


class SmoothedBCE(WeightedLoss):
    """Cross-entropy with labels smoothed by class.

    By default only the majority is smoothed, on which networks become overconfident.

    Args:
        class_counts: training images (n0, n1) of label 0 and label 1.
        smoothing_minority: share of a minority label moved to the other label.
        smoothing_majority: share of a majority label moved to the other label.
        minority_weight: weight of the minority, that of the majority being 1; None for balanced
            weights.
        start_at: share of training before the class weights apply; smoothing always does.
        ramp: share of training over which they then rise linearly.

    Raises:
        UserError: a class has no image, or an option is out of range.

    >>> import torch
    >>> loss = SmoothedBCE(class_counts=(12, 88), smoothing_majority=0.1)
    >>> loss(torch.tensor([2.0]), torch.tensor([1.0]))
    tensor(0.3269)
    """

    def __init__(
        self,
        class_counts: tuple[int, int],
        smoothing_minority: float = 0.0,
        smoothing_majority: float = 0.1,
        minority_weight: float | None = 1.0,
        start_at: float = 0.0,
        ramp: float = 0.0,
    ) -> None:
        for name, share in (
            ("smoothing_minority", smoothing_minority),
            ("smoothing_majority", smoothing_majority),
        ):
            check_range(f"loss.{name}", share, at_least=0, below=0.5, what="a share of the label")
        super().__init__(class_weights(class_counts, minority_weight), start_at, ramp)
        self.smoothing = minority_weights(class_counts, smoothing_minority, smoothing_majority)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of logits `[N]` and targets `[N]`, a scalar."""
        return smoothed_bce(logits, targets, *self.smoothing, *self.weights)
