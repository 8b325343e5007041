"""Deep SVDD: training pulls the majority towards a center; the minority stays outside."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from imbclf.errors import UserError
from imbclf.models.heads.one_class import OneClassHead

OFF_ZERO = 0.1
SAMPLE = 10_000
LARGEST = 10_000  # dimensions


def keep_off_zero(center: Tensor, least: float = OFF_ZERO) -> Tensor:
    """Move entries between -least and least to the nearer of the two, and 0 to least.

    With a center of 0, weights of 0 would be a perfect solution for a network without biases.

    >>> keep_off_zero(torch.tensor([-0.01, 0.0, 0.02, -3.0]))
    tensor([-0.1000,  0.1000,  0.1000, -3.0000])
    """
    pushed = torch.where(center < 0, -least, least).to(center.dtype)
    return torch.where(center.abs() < least, pushed, center)


class HypersphereHead(OneClassHead):
    """d(x) = |W x - c|^2, with W trained and without bias, c fixed: for `loss=svdd`.

    c is the mean of W x over the majority before training, its entries kept off zero. The network
    must have no trainable biases either, which could map every image to c.
    Source: Ruff et al., Deep One-Class Classification, ICML 2018.

    Args:
        width: D, the number of features.
        dimensions: of the space of the hypersphere.

    Raises:
        UserError: dimensions is out of range.

    >>> head = HypersphereHead(width=8, dimensions=2)
    >>> head.prepare(torch.randn(100, 8), minority=0)
    >>> bool((head(torch.randn(3, 8)) < 0).all())
    True
    """

    allows_biases: ClassVar[bool] = False
    center: Tensor

    def __init__(self, width: int, dimensions: int = 32) -> None:
        super().__init__(SAMPLE)
        if not 1 <= dimensions <= LARGEST:
            raise UserError(f"head.dimensions={dimensions}: expected 1 to {LARGEST}")
        self.projection = nn.Linear(width, dimensions, bias=False)
        self.register_buffer("center", torch.full((dimensions,), OFF_ZERO))
        self.register_load_state_dict_pre_hook(_rename_center)  # type: ignore[no-untyped-call]
        self.entry = {"name": "hypersphere", "dimensions": dimensions}

    def fit(self, features: Tensor) -> None:
        """Take the mean of the projections of features [M, D] as the center."""
        mean = self.projection(features.to(self.center)).mean(dim=0)
        self.center.copy_(keep_off_zero(mean))

    def distances(self, features: Tensor) -> Tensor:
        """Return the squared distances [N] of features [N, D] from the center."""
        distances: Tensor = (self.projection(features) - self.center).square().sum(dim=1)
        return distances


def _rename_center(module: nn.Module, state: dict[str, Any], prefix: str, *_: object) -> None:
    """Accept weights of version 0.1, which spelled the center differently."""
    del module
    if f"{prefix}centre" in state:
        state[f"{prefix}center"] = state.pop(f"{prefix}centre")
