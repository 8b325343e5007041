"""The precision that losses are computed in."""

import torch
from torch import Tensor


def in_full_precision(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits in at least float32, and targets in the same dtype.

    Half precision and autocast cost a loss its accuracy.

    >>> in_full_precision(torch.zeros(1, dtype=torch.bfloat16), torch.tensor([1]))
    (tensor([0.]), tensor([1.]))
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return logits, targets.to(logits.dtype)
