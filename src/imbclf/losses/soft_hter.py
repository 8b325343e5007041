"""Soft HTER: a differentiable half total error rate."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imbclf.losses.base import in_full_precision
from imbclf.losses.class_weights import class_means
from imbclf.utils.checks import check_range


def soft_hter(logits: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """Return half the sum of soft FAR and FRR at threshold 0, with sigmoids instead of steps.

    FAR is the mean of sigma(f / T) over label 0, FRR that of sigma(-f / T) over label 1. As T goes
    to 0, it becomes the HTER of the batch. The rate of an absent label is 0.

    Args:
        logits: `[N]`, any floating dtype.
        targets: `[N]`, labels 0 and 1, or soft labels in between.
        temperature: T, above 0.

    >>> soft_hter(torch.tensor([3.0, -4.0, 5.0]), torch.tensor([0, 0, 1]), temperature=0.01)
    tensor(0.2500)
    """
    logits, targets = in_full_precision(logits, targets)
    far, frr = class_means(
        targets, torch.sigmoid(logits / temperature), torch.sigmoid(-logits / temperature)
    )
    return (far + frr) / 2


def balanced_bce(logits: Tensor, targets: Tensor) -> Tensor:
    """Return half the sum of the mean cross-entropies of label 0 and label 1 in the batch.

    Args:
        logits: `[N]`, any floating dtype.
        targets: `[N]`, labels 0 and 1, or soft labels in between.

    >>> balanced_bce(torch.zeros(3), torch.tensor([0, 0, 1]))
    tensor(0.6931)
    """
    logits, targets = in_full_precision(logits, targets)
    of_0, of_1 = class_means(targets, F.softplus(logits), F.softplus(-logits))
    return (of_0 + of_1) / 2


class SoftHTER(nn.Module):
    """(1 - mix) soft HTER + mix cross-entropy, both balanced over the classes.

    Soft HTER saturates: images far on the wrong side have no gradient, so training from scratch
    needs the cross-entropy. Both have their optimum at threshold 0. Class means are those of the
    batch, which should have several minority images.

    Args:
        temperature: width of the soft step at the threshold, in logits.
        mix: share of cross-entropy, 0 to 1.

    Raises:
        UserError: an option is out of range.

    >>> SoftHTER(temperature=1.0, mix=0.0)(torch.zeros(3), torch.tensor([0, 0, 1]))
    tensor(0.5000)
    """

    def __init__(self, temperature: float = 1.0, mix: float = 0.5) -> None:
        super().__init__()
        check_range("loss.temperature", temperature, above=0)
        check_range("loss.mix", mix, at_least=0, at_most=1, what="the share of cross-entropy")
        self.temperature, self.mix = temperature, mix

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of logits `[N]` and targets `[N]`, a scalar."""
        return (1 - self.mix) * soft_hter(
            logits, targets, self.temperature
        ) + self.mix * balanced_bce(logits, targets)
