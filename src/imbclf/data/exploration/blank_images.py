"""Images that show nothing: all black, all white, one color."""

import numpy as np
from numpy.typing import NDArray

MIN_DEVIATION = 2.0  # of pixel values 0..255, in some channel


def find_blank_images(
    pixels: NDArray[np.uint8], thumbs: NDArray[np.uint8] | None = None
) -> NDArray[np.int64]:
    """Return the indices of images whose pixel values hardly differ.

    Args:
        pixels: uint8 `[N, H, W, 3]`.
        thumbs: uint8 `[N, 32, 32]`; saves looking at the pixels of most images.

    >>> black, crossed = np.zeros((2, 2, 3), np.uint8), 9 * np.eye(2, dtype=np.uint8)
    >>> find_blank_images(np.stack([black, np.stack([crossed] * 3, axis=-1)])).tolist()
    [0]
    """
    rows = np.arange(len(pixels))
    if thumbs is not None:
        flat = thumbs.reshape(len(thumbs), -1).astype(np.float32)
        rows = np.flatnonzero(flat.std(axis=1) < MIN_DEVIATION)
    blank = [pixels[row].std(axis=(0, 1)).max() < MIN_DEVIATION for row in rows]
    return np.asarray(rows[np.array(blank, bool)], np.int64)
