"""Binary cross-entropy with class weights."""

from torch import Tensor
from torch.nn import functional as F

from imbclf.losses.base import in_full_precision
from imbclf.losses.class_weights import class_weights, effective_number_weights, weighted_mean
from imbclf.losses.deferred import WeightedLoss


def weighted_bce(logits: Tensor, targets: Tensor, weight_0: float, weight_1: float) -> Tensor:
    """Return the mean of w_y CE(f, y), where CE(f, y) = -y log sigma(f) - (1 - y) log sigma(-f).

    Args:
        logits: `[N]`, any floating dtype.
        targets: `[N]`, labels 0 and 1, or soft labels in between.
        weight_0: weight of label 0.
        weight_1: weight of label 1.

    >>> import torch
    >>> weighted_bce(torch.zeros(2), torch.tensor([0, 1]), weight_0=1.0, weight_1=3.0)
    tensor(1.3863)
    """
    logits, targets = in_full_precision(logits, targets)
    return weighted_mean(targets, F.softplus(logits), F.softplus(-logits), weight_0, weight_1)


class WeightedBCE(WeightedLoss):
    """Binary cross-entropy with a larger weight for the minority.

    Args:
        class_counts: training images (n0, n1) of label 0 and label 1.
        minority_weight: weight of the minority, that of the majority being 1; None for balanced
            weights, w_y = n / (2 n_y).
        start_at: share of training before the class weights apply.
        ramp: share of training over which they then rise linearly.

    Raises:
        UserError: a class has no image, or an option is out of range.

    >>> import torch
    >>> loss = WeightedBCE(class_counts=(12, 88), minority_weight=10)
    >>> loss(torch.zeros(2), torch.tensor([0, 1]))
    tensor(3.8123)
    """

    def __init__(
        self,
        class_counts: tuple[int, int],
        minority_weight: float | None = None,
        start_at: float = 0.0,
        ramp: float = 0.0,
    ) -> None:
        super().__init__(class_weights(class_counts, minority_weight), start_at, ramp)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of logits `[N]` and targets `[N]`, a scalar."""
        return weighted_bce(logits, targets, *self.weights)


class ClassBalancedBCE(WeightedLoss):
    """Binary cross-entropy weighted by the effective numbers of images (Cui et al. 2019).

    Args:
        class_counts: training images (n0, n1) of label 0 and label 1.
        beta: overlap of the images, 0 to below 1: 0 gives weights of 1, values near 1 balanced
            weights.
        start_at: share of training before the class weights apply.
        ramp: share of training over which they then rise linearly.

    Raises:
        UserError: a class has no image, or an option is out of range.

    >>> loss = ClassBalancedBCE(class_counts=(12_000, 88_000), beta=0.9999)
    >>> f"{loss.weights[0] / loss.weights[1]:.2f}"
    '1.43'
    """

    def __init__(
        self,
        class_counts: tuple[int, int],
        beta: float = 0.9999,
        start_at: float = 0.0,
        ramp: float = 0.0,
    ) -> None:
        super().__init__(effective_number_weights(class_counts, beta), start_at, ramp)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of logits `[N]` and targets `[N]`, a scalar."""
        return weighted_bce(logits, targets, *self.weights)
