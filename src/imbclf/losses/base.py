"""What all losses begin with: the shapes that they take, and the precision they compute in."""

import torch
from torch import Tensor


def in_full_precision(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits in at least float32, and targets in the same dtype.

    Half precision and autocast cost a loss its accuracy. Shapes that differ, `[N]` and `[N, 1]`,
    would be broadcast to `[N, N]`, a loss of each logit with each target.

    Raises:
        ValueError: logits and targets do not have one shape.

    >>> in_full_precision(torch.zeros(1, dtype=torch.bfloat16), torch.tensor([1]))
    (tensor([0.]), tensor([1.]))
    """
    if logits.shape != targets.shape:
        raise ValueError(
            f"logits {[*logits.shape]} and targets {[*targets.shape]}: expected the same shape [N]"
        )
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return logits, targets.to(logits.dtype)
