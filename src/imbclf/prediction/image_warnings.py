"""How single images differ from those of the training, in words."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imbclf.data.header import Header
from imbclf.prediction.outliers import outlier_reasons
from imbclf.prediction.training_statistics import TrainingStatistics, measure_colors


def image_warnings(
    headers: Sequence[Header | None],
    pixels: NDArray[np.uint8],
    training: TrainingStatistics | None,
) -> list[str]:
    """Return how each image differs from all images of the training, "" where it does not.

    Size, format and color mode of the file, mean and deviation of the colors (`outlier_reasons`).

    Args:
        headers: `[N]`, of the files; None where an image is no file.
        pixels: uint8 `[N, H, W, 3]`, decoded for the predictor.
        training: what they are compared with; None, where it is not known: no warnings.
    """
    if training is None:
        return [""] * len(pixels)
    pairs = zip(headers, measure_colors(pixels), strict=True)
    return ["; ".join(outlier_reasons(*pair, training)) for pair in pairs]
