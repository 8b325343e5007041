"""Asymmetric loss: stronger focusing for majority than for minority images."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imbclf.losses.base import in_full_precision
from imbclf.losses.class_weights import check_class_counts, weighted_mean
from imbclf.utils.arrays import minority_class
from imbclf.utils.checks import check_range


def asymmetric_loss(
    logits: Tensor,
    targets: Tensor,
    gamma_majority: float,
    gamma_minority: float,
    clip: float,
    minority_label: int,
) -> Tensor:
    """Return the mean focal loss with one exponent per class and clipped easy majority images.

    With q the probability of the minority label, the loss of a minority image is
    -(1 - q)^g log q with g = gamma_minority; that of a majority image is -m^g log(1 - m) with
    m = max(q - clip, 0) and g = gamma_majority, hence 0 for q <= clip. With all three at 0 it is
    cross-entropy. Source: Ridnik et al., Asymmetric Loss for Multi-Label Classification, ICCV
    2021, where the rare label is always 1 and the loss is a sum instead of a mean.

    Args:
        logits: `[N]`, any floating dtype.
        targets: `[N]`, labels 0 and 1, or soft labels in between.
        gamma_majority: focusing exponent of majority images.
        gamma_minority: focusing exponent of minority images.
        clip: probability of the minority below which the loss of a majority image is 0.
        minority_label: 0 or 1.

    >>> asymmetric_loss(torch.zeros(2), torch.tensor([0, 1]), 0.0, 0.0, 0.0, minority_label=0)
    tensor(0.6931)
    """
    logits, targets = in_full_precision(logits, targets)
    if minority_label == 0:
        logits, targets = -logits, 1 - targets
    log_q, log_rest = F.logsigmoid(logits), F.logsigmoid(-logits)
    of_minority = -torch.exp(gamma_minority * log_rest) * log_q
    # Above 0, since the gradient of m^gamma at 0 is infinite for gamma < 1.
    shifted = (torch.sigmoid(logits) - clip).clamp_min(torch.finfo(logits.dtype).tiny)
    if clip > 0:
        # log(1 - m), which is log(1 - q + clip) up to 0.
        log_rest = torch.logaddexp(log_rest, torch.full_like(log_rest, math.log(clip)))
        log_rest = log_rest.clamp_max(0)
    of_majority = -(shifted**gamma_majority) * log_rest
    return weighted_mean(targets, of_majority, of_minority)


class AsymmetricLoss(nn.Module):
    """Asymmetric loss (ASL) for either label as the minority.

    Args:
        class_counts: training images (n0, n1) of label 0 and label 1.
        gamma_majority: focusing exponent of majority images.
        gamma_minority: focusing exponent of minority images.
        clip: probability of the minority below which the loss of a majority image is 0.

    Raises:
        UserError: a class has no image, or an option is out of range.

    >>> loss = AsymmetricLoss(class_counts=(12, 88))
    >>> loss(torch.tensor([4.0]), torch.tensor([1]))  # an easy majority image
    tensor(0.)
    """

    def __init__(
        self,
        class_counts: tuple[int, int],
        gamma_majority: float = 4.0,
        gamma_minority: float = 1.0,
        clip: float = 0.05,
    ) -> None:
        super().__init__()
        check_range("loss.gamma_majority", gamma_majority, at_least=0)
        check_range("loss.gamma_minority", gamma_minority, at_least=0)
        check_range("loss.clip", clip, at_least=0, below=1, what="a probability")
        self.gamma_majority, self.gamma_minority, self.clip = gamma_majority, gamma_minority, clip
        self.minority_label = minority_class(check_class_counts(class_counts))

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of logits `[N]` and targets `[N]`, a scalar."""
        return asymmetric_loss(
            logits,
            targets,
            self.gamma_majority,
            self.gamma_minority,
            self.clip,
            self.minority_label,
        )
