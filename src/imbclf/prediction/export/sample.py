"""A sample of a run's images for checking an export."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class KnownImages:
    """N images of a run.

    Attributes:
        pixels: uint8 `[N, H, W, 3]`, of the run's own size.
        labels: int64 `[N]`.
        folds: int64 `[N]`, whose test part each was in.
        groups: `[N]` names of what belongs together, or None.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    folds: NDArray[np.int64]
    groups: NDArray[np.str_] | None = None

    def take(self, places: slice) -> "KnownImages":
        """Return some of them."""
        groups = None if self.groups is None else self.groups[places]
        return KnownImages(self.pixels[places], self.labels[places], self.folds[places], groups)
