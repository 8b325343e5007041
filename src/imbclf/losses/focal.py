"""Focal loss: well-classified images are down-weighted."""

import torch
from torch import Tensor
from torch.nn import functional as F

from imbclf.losses.base import in_full_precision
from imbclf.losses.class_weights import minority_weights, weighted_mean
from imbclf.losses.deferred import WeightedLoss
from imbclf.utils.checks import check_range


def focal_loss(
    logits: Tensor, targets: Tensor, gamma: float, weight_0: float, weight_1: float
) -> Tensor:
    """Return the mean of w_y (1 - p_t)^gamma CE(f, y), with p_t the probability of the true label.

    With gamma = 0 this is `weighted_bce`; a larger gamma gives well-classified images less weight.
    A soft label y counts as y of label 1 and 1 - y of label 0. Source: Lin et al., Focal Loss for
    Dense Object Detection, ICCV 2017.

    Args:
        logits: `[N]`, any floating dtype.
        targets: `[N]`, labels 0 and 1, or soft labels in between.
        gamma: focusing exponent, 0 or more.
        weight_0: weight of label 0.
        weight_1: weight of label 1.

    >>> focal_loss(torch.zeros(2), torch.tensor([0, 1]), gamma=2.0, weight_0=1.0, weight_1=1.0)
    tensor(0.1733)
    """
    logits, targets = in_full_precision(logits, targets)
    log_p1, log_p0 = F.logsigmoid(logits), F.logsigmoid(-logits)
    # exp(gamma log p), not p^gamma, whose gradient is infinite if p underflows and gamma < 1.
    of_label_1 = -torch.exp(gamma * log_p0) * log_p1
    of_label_0 = -torch.exp(gamma * log_p1) * log_p0
    return weighted_mean(targets, of_label_0, of_label_1, weight_0, weight_1)


class FocalLoss(WeightedLoss):
    """Focal loss with class weights alpha for the minority and 1 - alpha for the majority.

    Args:
        class_counts: training images (n0, n1) of label 0 and label 1.
        gamma: focusing exponent; 0 is cross-entropy.
        minority_alpha: weight of the minority, that of the majority being 1 - minority_alpha; None
            for weights of 1. In the paper, alpha is the weight of label 1.
        start_at: share of training before the class weights apply; until then both are 1.
        ramp: share of training over which they then rise linearly.

    Raises:
        UserError: a class has no image, or an option is out of range.

    >>> loss = FocalLoss(class_counts=(12, 88), gamma=2.0, minority_alpha=0.75)
    >>> loss(torch.zeros(2), torch.tensor([0, 1]))
    tensor(0.0866)
    """

    def __init__(
        self,
        class_counts: tuple[int, int],
        gamma: float = 2.0,
        minority_alpha: float | None = 0.75,
        start_at: float = 0.0,
        ramp: float = 0.0,
    ) -> None:
        check_range("loss.gamma", gamma, at_least=0)
        weights = (1.0, 1.0)
        if minority_alpha is not None:
            hint = "null weighs both classes 1"
            check_range("loss.minority_alpha", minority_alpha, above=0, below=1, hint=hint)
            weights = (minority_alpha, 1 - minority_alpha)
        super().__init__(minority_weights(class_counts, *weights), start_at, ramp)
        self.gamma = gamma

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of logits `[N]` and targets `[N]`, a scalar."""
        return focal_loss(logits, targets, self.gamma, *self.weights)
