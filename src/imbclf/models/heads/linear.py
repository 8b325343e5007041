"""Heads with one trained direction in feature space."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imbclf.models.heads.base import Head
from imbclf.utils.checks import check_range


class LinearHead(nn.Linear, Head):
    """f = w x + b.

    Args:
        width: D, the number of features.

    >>> LinearHead(width=8)(torch.zeros(2, 8)).tolist()
    [0.0, 0.0]
    """

    def __init__(self, width: int) -> None:
        super().__init__(width, 1)
        nn.init.normal_(self.weight, std=0.01)
        nn.init.zeros_(self.bias)
        self.entry = {"name": "linear"}

    def forward(self, features: Tensor) -> Tensor:
        """Return the logits [N] of features [N, D]."""
        return torch.sum(features * self.weight, dim=1) + self.bias


class LogitHead(Head):
    """f = x, for a network that returns logits itself.

    Args:
        width: 1.

    >>> LogitHead(width=1)(torch.tensor([[0.5], [2.0]])).tolist()
    [0.5, 2.0]
    """

    def __init__(self, width: int = 1) -> None:
        super().__init__()
        if width != 1:
            raise ValueError(f"width={width}: expected 1")
        self.entry = {"name": "logit"}

    def forward(self, features: Tensor) -> Tensor:
        """Return the logits [N] of the same logits, [N] or [N, 1]."""
        return features.flatten()


def cosine(features: Tensor, direction: Tensor) -> Tensor:
    """Return the cosines [N] between features [N, D] and a direction [1, D]; 0 for zeros.

    >>> cosine(torch.tensor([[3.0, 4.0], [0.0, 0.0]]), torch.tensor([[2.0, 0.0]]))
    tensor([0.6000, 0.0000])
    """
    return torch.sum(F.normalize(features) * F.normalize(direction), dim=1)


class CosineHead(Head):
    """f = scale cos(w, x) + b: the logit does not depend on the lengths of features and w.

    In plain training the norm of a class's weights grows with its number of images, and longer
    features satisfy any margin (as of LDAM). Here both lengths are fixed.
    Source: Wang et al., CosFace, CVPR 2018; Cao et al., LDAM, NeurIPS 2019.

    Args:
        width: D, the number of features.
        scale: the largest |f - b|; 1 if the loss has its own scale.

    Raises:
        UserError: the scale is not a number above 0.

    >>> head = CosineHead(width=8, scale=20.0)
    >>> bool((head(1e6 * torch.randn(4, 8)).abs() <= 20).all())
    True
    """

    def __init__(self, width: int, scale: float = 20.0) -> None:
        super().__init__()
        check_range("head.scale", scale, above=0)
        self.scale = scale
        self.weight = nn.Parameter(torch.randn(1, width) / math.sqrt(width))
        self.bias = nn.Parameter(torch.zeros(1))
        self.entry = {"name": "cosine", "scale": scale}

    def forward(self, features: Tensor) -> Tensor:
        """Return the logits [N] of features [N, D]."""
        return self.scale * cosine(features, self.weight) + self.bias
