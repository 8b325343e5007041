"""Color statistics and mean images of a data set."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Of ImageNet's red, green and blue, in 0..1: the normalization of pretrained networks.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
BLOCK = 512  # images per step


class ColorStatistics(NamedTuple):
    """Statistics of pixels scaled to 0..1.

    Attributes:
        mean, deviation: `[3]`, of red, green and blue over all pixels of all images.
        class_means: `[2, H, W, 3]`, the mean image of each label.
        gray: whether all pixels of all images are gray.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    class_means: NDArray[np.float64]
    gray: bool


def color_statistics(pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> ColorStatistics:
    """Return the color statistics of images.

    Args:
        pixels: uint8 `[N, H, W, 3]`.
        labels: `[N]`, 0 or 1, both present.

    >>> black_and_white = np.array([0, 255], np.uint8).repeat(12).reshape(2, 2, 2, 3)
    >>> found = color_statistics(black_and_white, np.array([0, 1]))
    >>> found.mean.tolist(), found.deviation.tolist(), found.class_means[1].min().tolist()
    ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5], 1.0)
    """
    sums = np.zeros((2, *pixels.shape[1:]))
    squares = np.zeros(3)
    gray = True
    for start in range(0, len(pixels), BLOCK):
        block = pixels[start : start + BLOCK]
        gray = gray and bool((block[..., 1:] == block[..., :1]).all())
        for label in (0, 1):
            chosen = block[labels[start : start + BLOCK] == label]
            sums[label] += chosen.sum(axis=0, dtype=np.uint32)
        # Summed row by row: float32 holds every whole number only up to 2 ** 24.
        rows = np.einsum("nhwc,nhwc->nhc", block, block, dtype=np.float32)
        squares += rows.sum(axis=(0, 1), dtype=np.float64)
    counts = np.bincount(labels, minlength=2)
    mean = sums.sum(axis=0).mean(axis=(0, 1)) / len(pixels) / 255
    mean_square = squares / pixels[..., 0].size / 255**2
    deviation = np.sqrt(np.maximum(mean_square - mean**2, 0))
    return ColorStatistics(mean, deviation, sums / counts[:, None, None, None] / 255, gray)
