"""How a loss refuses an option that makes no sense."""

import math

import torch
from torch import Tensor

from imbclf.errors import UserError


def check_option(name: str, value: float, right: bool, expected: str) -> None:
    """Refuse an option that is not a finite number in its range.

    Raises:
        UserError: names the option and what was expected.

    >>> check_option("gamma", 2.0, right=True, expected="0 or more")
    """
    if not (math.isfinite(value) and right):
        raise UserError(f"loss.{name}={value}: expected {expected}")


def in_full_precision(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Compute in float32 at least: half precision and autocast cost a loss its accuracy.

    >>> in_full_precision(torch.zeros(1, dtype=torch.bfloat16), torch.tensor([1]))
    (tensor([0.]), tensor([1.]))
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return logits, targets.to(logits.dtype)
