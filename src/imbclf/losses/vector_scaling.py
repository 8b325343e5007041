"""Vector scaling (VS) loss, with logit adjustment and CDT as special cases."""

import math

from torch import Tensor
from torch.nn import functional as F

from imbclf.losses.base import in_full_precision
from imbclf.losses.class_weights import check_class_counts, class_weights, weighted_mean
from imbclf.losses.deferred import WeightedLoss
from imbclf.utils.checks import check_range


def vector_scaling_loss(
    logits: Tensor,
    targets: Tensor,
    class_counts: tuple[int, int],
    tau: float,
    gamma: float,
    weight_0: float = 1.0,
    weight_1: float = 1.0,
) -> Tensor:
    """Return the mean of w_y log(1 + exp(iota_y - Delta_y s f)), s = -1 for label 0, 1 for label 1.

    iota_0 = -iota_1 = tau log(n1 / n0) shifts the logit by class frequency: with tau = 1 and
    gamma = 0 (logit adjustment), f > 0 is the decision of least balanced error. Delta_y =
    (n_y / n_max)^gamma scales down the logit of minority images, which must then be larger for the
    same loss; unlike the shift, a bias cannot compensate for it. tau = 0 is CDT, tau = gamma = 0
    is `weighted_bce`.

    Sources: Kini et al., Label-Imbalanced and Group-Sensitive Classification under
    Overparameterization, NeurIPS 2021; Menon et al., Long-Tail Learning via Logit Adjustment,
    ICLR 2021; Ye et al., Identifying and Compensating for Feature Deviation in Imbalanced Deep
    Learning, 2020 (CDT).

    Args:
        logits: `[N]`, any floating dtype.
        targets: `[N]`, labels 0 and 1, or soft labels in between.
        class_counts: training images (n0, n1) of label 0 and label 1, both above 0.
        tau: strength of the shift.
        gamma: strength of the scaling.
        weight_0: weight of label 0.
        weight_1: weight of label 1.

    >>> import torch
    >>> vector_scaling_loss(torch.zeros(2), torch.tensor([0, 1]), (25, 75), tau=1.0, gamma=0.0)
    tensor(0.8370)
    """
    logits, targets = in_full_precision(logits, targets)
    n0, n1 = class_counts
    shift = tau * math.log(n1 / n0)
    stretch_0, stretch_1 = ((n / max(n0, n1)) ** gamma for n in (n0, n1))
    return weighted_mean(
        targets,
        F.softplus(stretch_0 * logits + shift),
        F.softplus(-stretch_1 * logits - shift),
        weight_0,
        weight_1,
    )


class VectorScalingLoss(WeightedLoss):
    """Cross-entropy with logits shifted (tau) and scaled (gamma) by class size.

    Args:
        class_counts: training images (n0, n1) of label 0 and label 1.
        tau: strength of the shift; 1 makes f > 0 the decision of least balanced error.
        gamma: strength of the scaling of minority logits; 0 for none.
        minority_weight: weight of the minority, that of the majority being 1; None for balanced
            weights.
        start_at: share of training before the class weights apply; tau and gamma always do.
        ramp: share of training over which they then rise linearly.

    Raises:
        UserError: a class has no image, or an option is out of range.

    >>> import torch
    >>> loss = VectorScalingLoss(class_counts=(25, 75), tau=0.0, gamma=0.0)
    >>> loss(torch.zeros(2), torch.tensor([0, 1]))
    tensor(0.6931)
    """

    def __init__(
        self,
        class_counts: tuple[int, int],
        tau: float = 1.0,
        gamma: float = 0.3,
        minority_weight: float | None = 1.0,
        start_at: float = 0.0,
        ramp: float = 0.0,
    ) -> None:
        check_range("loss.tau", tau, at_least=0)
        check_range("loss.gamma", gamma, at_least=0)
        super().__init__(class_weights(class_counts, minority_weight), start_at, ramp)
        self.class_counts, self.tau, self.gamma = check_class_counts(class_counts), tau, gamma

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of logits `[N]` and targets `[N]`, a scalar."""
        return vector_scaling_loss(
            logits, targets, self.class_counts, self.tau, self.gamma, *self.weights
        )
