"""A batch that the tests of losses share."""

import math

import torch
from torch import Tensor, nn

COUNTS = (12, 88)


def batch(images: int = 24, spread: float = 3.0) -> tuple[Tensor, Tensor]:
    """Draw logits; a third of the images are of label 0."""
    generator = torch.Generator().manual_seed(0)
    logits = spread * torch.randn(images, generator=generator, dtype=torch.float64)
    return logits, (torch.arange(images) % 3 > 0).double()


def probability(logit: float) -> float:
    """Return sigma(f), in plain Python."""
    return 1 / (1 + math.exp(-logit))


def pairs(logits: Tensor, targets: Tensor) -> list[tuple[float, float]]:
    """Return each image's logit and label as plain numbers."""
    return list(zip(logits.tolist(), targets.tolist(), strict=True))


def finite_with_gradient(loss: nn.Module, logits: Tensor, targets: Tensor) -> float:
    logits = logits.detach().requires_grad_()
    value = loss(logits, targets)
    assert value.ndim == 0
    gradients = torch.autograd.grad(value, [logits, *loss.parameters()])
    assert value.isfinite()
    assert all(gradient.isfinite().all() for gradient in gradients)
    return float(value.detach())
