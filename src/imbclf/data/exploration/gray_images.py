"""Images in gray, at the two sizes at which they are compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve1d

from imbclf.data.exploration.perceptual_hash import SIDE, gray_square, thumbnails

DETAIL = 2 * SIDE  # side of an image in detail, in pixels
SMOOTH = (0.25, 0.5, 0.25)


@dataclass(frozen=True, eq=False)
class GrayImages:
    """Thumbnails of all images in memory, and any of the images in more detail on demand.

    Attributes:
        parts: uint8 `[M, H, W, 3]` each, numbered through.
        rows: `[N]`, numbers of the images taken.
        thumbs: uint8 `[N, 32, 32]`, their thumbnails.
    """

    parts: Sequence[NDArray[np.uint8]]
    rows: NDArray[np.int64]
    thumbs: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def pixels(self) -> int:
        """Number of pixels of an image before it is enlarged, if it is."""
        height, width = self.parts[0].shape[1:3]
        return min(int(height * width), DETAIL**2)

    def take(self, chosen: NDArray[np.int64]) -> "GrayImages":
        """Return some of the images, by index."""
        return GrayImages(self.parts, self.rows[chosen], self.thumbs[chosen])

    def details(self, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return images by index, `[M, 64, 64]`, a little smoothed, as an enlarged crop is."""
        starts = np.cumsum([0] + [len(part) for part in self.parts])
        found = np.empty((len(chosen), DETAIL, DETAIL), np.float32)
        for place, row in enumerate(self.rows[chosen].tolist()):
            part = int(np.searchsorted(starts, row, side="right")) - 1
            found[place] = gray_square(self.parts[part][row - starts[part]], DETAIL)
        for axis in (1, 2):
            found = convolve1d(found, SMOOTH, axis=axis)
        return found


def gray_images(*parts: NDArray[np.uint8], threads: int = 1) -> GrayImages:
    """Return images, uint8 `[M, H, W, 3]` in each part, in gray.

    >>> len(gray_images(np.zeros((2, 8, 8, 3), np.uint8), np.zeros((1, 8, 8, 3), np.uint8)))
    3
    """
    thumbs = np.concatenate([thumbnails(pixels, threads) for pixels in parts])
    return GrayImages(parts, np.arange(len(thumbs)), thumbs)
