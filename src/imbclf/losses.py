"""Losses for one logit per image: each maps (logits [N], targets [N]) to a scalar.

A loss that depends on the imbalance takes `class_counts`, the numbers (n0, n1) of training images
of label 0 and label 1, and derives from them which class is the minority. One that changes during
training may have `set_progress(fraction)`, called as each epoch starts with the share of training
done.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imbclf.errors import UserError


def balanced_weights(class_counts: tuple[int, int]) -> tuple[float, float]:
    """Give the weights w_y = n / (2 n_y) of label 0 and label 1: both classes weigh the same.

    Their mean over the training images is 1.

    Raises:
        UserError: a class has no image.

    >>> balanced_weights((25, 75))
    (2.0, 0.6666666666666666)
    """
    n0, n1 = _both_present(class_counts)
    return (n0 + n1) / (2 * n0), (n0 + n1) / (2 * n1)


def minority_weights(
    class_counts: tuple[int, int], minority: float, majority: float
) -> tuple[float, float]:
    """Give the weights of label 0 and label 1 from those of the minority and the majority.

    Of two classes of equal size label 0 counts as the minority.

    Raises:
        UserError: a class has no image.

    >>> minority_weights((25, 75), minority=10.0, majority=1.0)
    (10.0, 1.0)
    """
    n0, n1 = _both_present(class_counts)
    return (minority, majority) if n0 <= n1 else (majority, minority)


def _both_present(class_counts: tuple[int, int]) -> tuple[int, int]:
    n0, n1 = class_counts
    if n0 < 1 or n1 < 1:
        raise UserError(
            f"loss: expected training images of both labels, but there are {n0} of label 0 and "
            f"{n1} of label 1. Check the labels, or use loss=bce, which needs no class counts."
        )
    return n0, n1


def in_full_precision(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Compute in float32 at least: half precision and autocast cost a loss its accuracy."""
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return logits, targets.to(logits.dtype)


def weighted_bce(logits: Tensor, targets: Tensor, weight_0: float, weight_1: float) -> Tensor:
    """Mean of w_y CE(f, y), where CE(f, y) = -y log sigma(f) - (1 - y) log sigma(-f).

    The mean is over the images, not over their weights.

    Args:
        logits: [N], any floating dtype.
        targets: [N], labels 0 and 1, or soft labels between.
        weight_0: weight of label 0.
        weight_1: weight of label 1.

    >>> weighted_bce(torch.zeros(2), torch.tensor([0, 1]), weight_0=1.0, weight_1=3.0)
    tensor(1.3863)
    """
    return focal_loss(logits, targets, 0.0, weight_0, weight_1)


class WeightedBCE(nn.Module):
    """Binary cross-entropy in which the minority weighs more.

    Args:
        class_counts: training images (n0, n1) of label 0 and label 1.
        minority_weight: weight of the minority, the majority's being 1; None balances the classes,
            w_y = n / (2 n_y).

    Raises:
        UserError: a class has no image, or the weight is not a number above 0.

    >>> loss = WeightedBCE(class_counts=(12, 88), minority_weight=10)
    >>> loss(torch.zeros(2), torch.tensor([0, 1]))
    tensor(3.8123)
    """

    def __init__(self, class_counts: tuple[int, int], minority_weight: float | None = None) -> None:
        super().__init__()
        if minority_weight is None:
            self.weights = balanced_weights(class_counts)
            return
        if not (math.isfinite(minority_weight) and minority_weight > 0):
            raise UserError(
                f"loss.minority_weight={minority_weight}: expected a number above 0, or null to "
                "balance the classes"
            )
        self.weights = minority_weights(class_counts, minority_weight, 1.0)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Give the loss of logits [N] and targets [N]."""
        return weighted_bce(logits, targets, *self.weights)


def focal_loss(
    logits: Tensor, targets: Tensor, gamma: float, weight_0: float, weight_1: float
) -> Tensor:
    """Mean of w_y (1 - p_t)^gamma CE(f, y), where p_t is the probability of the true label.

    With gamma = 0 this is `weighted_bce`; the larger gamma, the less an image counts that is
    classified well already. p_t is that of the unweighted CE. A soft label y counts as y of label 1
    and 1 - y of label 0. Source: Lin et al., Focal Loss for Dense Object Detection, ICCV 2017.

    Args:
        logits: [N], any floating dtype.
        targets: [N], labels 0 and 1, or soft labels between.
        gamma: focusing exponent, 0 or more.
        weight_0: weight of label 0.
        weight_1: weight of label 1.

    >>> focal_loss(torch.zeros(2), torch.tensor([0, 1]), gamma=2.0, weight_0=1.0, weight_1=1.0)
    tensor(0.1733)
    """
    logits, targets = in_full_precision(logits, targets)
    log_p1, log_p0 = F.logsigmoid(logits), F.logsigmoid(-logits)
    # exp(gamma log p), not p^gamma, whose slope is infinite where p underflows and gamma < 1.
    of_label_1 = -weight_1 * torch.exp(gamma * log_p0) * log_p1
    of_label_0 = -weight_0 * torch.exp(gamma * log_p1) * log_p0
    return (targets * of_label_1 + (1 - targets) * of_label_0).mean()


class FocalLoss(nn.Module):
    """Focal loss whose alpha belongs to the minority, whichever label that is.

    Args:
        class_counts: training images (n0, n1) of label 0 and label 1.
        gamma: focusing exponent; 0 is cross-entropy.
        minority_alpha: weight of the minority, the majority's being 1 - minority_alpha; None weighs
            both 1. The paper's alpha is that of label 1.

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
    ) -> None:
        super().__init__()
        if not (math.isfinite(gamma) and gamma >= 0):
            raise UserError(f"loss.gamma={gamma}: expected 0 or more")
        if minority_alpha is not None and not 0 < minority_alpha < 1:
            raise UserError(
                f"loss.minority_alpha={minority_alpha}: expected a number between 0 and 1, or null "
                "to weigh both classes 1"
            )
        self.gamma = gamma
        minority, majority = (
            (1.0, 1.0) if minority_alpha is None else (minority_alpha, 1 - minority_alpha)
        )
        self.weights = minority_weights(class_counts, minority, majority)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Give the loss of logits [N] and targets [N]."""
        return focal_loss(logits, targets, self.gamma, *self.weights)
