"""Distance to the nearest images of the majority, without training."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imbclf.errors import UserError
from imbclf.models.heads.one_class import OneClassHead

LARGEST = 100_000  # images in a core set
CHUNK = 1024  # distances to the core set at once: 8 MB for a core of 2000


def mean_nearest(features: Tensor, core: Tensor, neighbors: int) -> Tensor:
    """Return the mean distance [N] of features [N, D] to the nearest of a core set [M, D].

    Distances are computed in chunks, which bounds memory; an exported graph computes all at once.

    Args:
        features: [N, D], float.
        core: [M, D], float.
        neighbors: how many of the nearest; all if there are fewer.

    >>> mean_nearest(torch.tensor([[0.0]]), torch.tensor([[1.0], [-3.0], [9.0]]), neighbors=2)
    tensor([2.])
    """
    nearest = min(neighbors, len(core))
    if torch.compiler.is_exporting():
        # The graph takes any number of features, so the number of chunks cannot be fixed in it.
        return _mean_least(
            torch.cdist(features, core, compute_mode="use_mm_for_euclid_dist"), nearest
        )
    chunks = torch.split(features, CHUNK)
    return torch.cat([_mean_least(torch.cdist(chunk, core), nearest) for chunk in chunks])


def _mean_least(distances: Tensor, count: int) -> Tensor:
    return distances.topk(count, largest=False, sorted=False).values.mean(dim=1)


class NeighborsHead(OneClassHead):
    """d(x) = mean distance to the k nearest features in a core set of the majority.

    The core set is drawn uniformly, not for coverage. Its density is that of the majority, so
    that a rare or mislabeled image does not make its whole neighborhood normal.
    Source: Sun et al., Out-of-Distribution Detection with Deep Nearest Neighbors, ICML 2022.

    Args:
        width: D, the number of features.
        neighbors: k.
        size: of the core set, at most.
        normalize: whether features are scaled to length 1, so that only directions count.

    Raises:
        UserError: an option is out of range.

    >>> head = NeighborsHead(width=2, neighbors=1, normalize=False)
    >>> head.prepare(torch.tensor([[0.0, 0.0], [0.0, 1.0]]), minority=1)
    >>> head(torch.tensor([[0.0, 3.0], [-4.0, 0.0]]))
    tensor([2., 4.])
    """

    is_trained: ClassVar[bool] = False
    core: Tensor

    def __init__(
        self, width: int, neighbors: int = 5, size: int = 2000, normalize: bool = True
    ) -> None:
        if size > LARGEST:
            raise UserError(f"head.size={size}: expected no more than {LARGEST}")
        super().__init__(size)
        if not 1 <= neighbors <= size:
            raise UserError(
                f"head.neighbors={neighbors}: expected 1 or more, and no more than head.size={size}"
            )
        self.neighbors, self.normalize = neighbors, normalize
        self.register_buffer("core", torch.zeros(size, width))
        self.register_load_state_dict_pre_hook(_resize_core)  # type: ignore[no-untyped-call]
        self.entry = {
            "name": "neighbors",
            "neighbors": neighbors,
            "size": size,
            "normalize": normalize,
        }

    def fit(self, features: Tensor) -> None:
        """Use features [M, D] as the core set."""
        self.core = self._standard(features.to(self.core)).clone()

    def distances(self, features: Tensor) -> Tensor:
        """Return the mean distances [N] of features [N, D] to their nearest in the core set."""
        return mean_nearest(self._standard(features), self.core, self.neighbors)

    def _standard(self, features: Tensor) -> Tensor:
        return F.normalize(features) if self.normalize else features


def _resize_core(module: nn.Module, state: dict[str, Any], prefix: str, *_: object) -> None:
    """Accept a core set that is smaller than `size`, because there were fewer images."""
    stored = state.get(f"{prefix}core")
    head = module
    if isinstance(head, NeighborsHead) and isinstance(stored, Tensor) and stored.ndim == 2:
        head.core = head.core.new_zeros(min(len(stored), head.size), head.core.shape[1])
