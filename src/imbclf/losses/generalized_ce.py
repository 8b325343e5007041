"""Generalized cross-entropy: robust to wrong labels."""

import torch
from torch import Tensor
from torch.nn import functional as F

from imbclf.losses.base import in_full_precision
from imbclf.losses.class_weights import class_weights, weighted_mean
from imbclf.losses.deferred import WeightedLoss
from imbclf.utils.checks import check_range


def generalized_cross_entropy(
    logits: Tensor, targets: Tensor, q: float, weight_0: float = 1.0, weight_1: float = 1.0
) -> Tensor:
    """Return the mean of w_y (1 - p_t^q) / q, with p_t the probability of the true label.

    q -> 0 is cross-entropy; q = 1 is the mean error 1 - p_t, in which images with wrong labels
    have no larger gradient than others. Source: Zhang & Sabuncu, Generalized Cross Entropy Loss for
    Training Deep Neural Networks with Noisy Labels, NeurIPS 2018.

    Args:
        logits: `[N]`, any floating dtype.
        targets: `[N]`, labels 0 and 1, or soft labels in between.
        q: 0 to 1.
        weight_0: weight of label 0.
        weight_1: weight of label 1.

    >>> generalized_cross_entropy(torch.zeros(2), torch.tensor([0, 1]), q=1.0)
    tensor(0.5000)
    """
    logits, targets = in_full_precision(logits, targets)
    log_p0, log_p1 = F.logsigmoid(-logits), F.logsigmoid(logits)
    if q == 0:
        return weighted_mean(targets, -log_p0, -log_p1, weight_0, weight_1)
    of_0, of_1 = (-torch.expm1(q * log_p) / q for log_p in (log_p0, log_p1))
    return weighted_mean(targets, of_0, of_1, weight_0, weight_1)


class GeneralizedCrossEntropy(WeightedLoss):
    """Generalized cross-entropy (GCE) with optional class weights.

    Args:
        class_counts: training images (n0, n1) of label 0 and label 1.
        q: 0 (cross-entropy) to 1 (mean error).
        minority_weight: weight of the minority, that of the majority being 1; None for balanced
            weights.
        start_at: share of training before the class weights apply.
        ramp: share of training over which they then rise linearly.

    Raises:
        UserError: a class has no image, or an option is out of range.

    >>> GeneralizedCrossEntropy((12, 88), q=1.0)(torch.zeros(2), torch.tensor([0, 1]))
    tensor(0.5000)
    """

    def __init__(
        self,
        class_counts: tuple[int, int],
        q: float = 0.7,
        minority_weight: float | None = 1.0,
        start_at: float = 0.0,
        ramp: float = 0.0,
    ) -> None:
        hint = "0 is cross-entropy, 1 the mean error"
        check_range("loss.q", q, at_least=0, at_most=1, hint=hint)
        super().__init__(class_weights(class_counts, minority_weight), start_at, ramp)
        self.q = q

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of logits `[N]` and targets `[N]`, a scalar."""
        return generalized_cross_entropy(logits, targets, self.q, *self.weights)
