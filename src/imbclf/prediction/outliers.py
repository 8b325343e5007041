"""How single images differ from all images of the training."""

import numpy as np
from numpy.typing import NDArray

from imbclf.data.decoding import Header
from imbclf.prediction.training_statistics import COLORS, TrainingStatistics, file_kind


def is_unseen_size(header: Header, training: TrainingStatistics) -> bool:
    """Return whether an image is higher, lower, wider or narrower than all measured in training."""
    low, high = zip(training.height, training.width, strict=True)
    sides = header.height, header.width
    return any(not a <= side <= b for side, a, b in zip(sides, low, high, strict=True))


def is_outside_range(
    colors: NDArray[np.float64], training: TrainingStatistics
) -> NDArray[np.bool_]:
    """Return which of the colors `[N, 6]` lie outside the range of training, bool `[N, 6]`."""
    margin = 1e-6  # what the training statistics are rounded to
    outside: NDArray[np.bool_] = (colors < training.colors[0] - margin) | (
        colors > training.colors[-1] + margin
    )
    return outside


def outlier_reasons(
    header: Header | None, colors: NDArray[np.float64], training: TrainingStatistics
) -> list[str]:
    """Return how one image differs from all images of training, in a few words each.

    Args:
        header: of the image file; None where there is none, or it is not known.
        colors: `[6]`, of the image.
        training: the training statistics.
    """
    reasons = []
    if header and training.headers and is_unseen_size(header, training):
        reasons.append(f"size {header.height}x{header.width}, in training {size_range(training)}")
    if header and training.headers and file_kind(header) not in training.kinds:
        reasons.append(f"{file_kind(header)}, in training {', '.join(training.kinds)}")
    for column in np.flatnonzero(is_outside_range(colors[None], training)[0]):
        low, high = training.colors[0, column], training.colors[-1, column]
        value = f"{COLORS[column]} {colors[column]:.3f}"
        reasons.append(f"{value}, in training {low:.3f} to {high:.3f}")
    return reasons


def unfamiliarity(colors: NDArray[np.float64], training: TrainingStatistics) -> NDArray[np.float64]:
    """Return how far out each image's colors are among those of the training, float64 `[N]`.

    Of mean and deviation of red, green and blue, the one farthest from the middle of the training
    images counts: 0 in the middle, 1 at the least or the largest value of all. Beyond it grows by
    the distance, in widths of the range of the training: 1.5 is half a width outside.

    Args:
        colors: `[N, 6]`, as of `measure_colors`.
        training: the training statistics.
    """
    known = training.colors
    levels = np.linspace(0, 1, len(known))
    found = np.zeros(len(colors))
    for own, quantiles in zip(colors.T, known.T, strict=True):
        # Of equal quantiles the level is anywhere between the first and the last of them.
        below = levels[np.minimum(np.searchsorted(quantiles, own, "left"), len(known) - 1)]
        above = levels[np.maximum(np.searchsorted(quantiles, own, "right") - 1, 0)]
        side = np.maximum(
            np.maximum(1 - 2 * np.maximum(below, above), 0), 2 * np.minimum(below, above) - 1
        )
        outside = np.maximum(quantiles[0] - own, own - quantiles[-1])
        width = max(float(quantiles[-1] - quantiles[0]), 1 / 255)
        found = np.maximum(found, np.where(outside > 0, 1 + outside / width, side))
    return found


def size_range(training: TrainingStatistics) -> str:
    """Return the sizes of the training images, as in `64x64 to 80x64`."""
    low, high = (f"{a}x{b}" for a, b in zip(training.height, training.width, strict=True))
    return low if low == high else f"{low} to {high}"
