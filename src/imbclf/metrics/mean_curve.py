"""The mean ROC curve of several models, each of which ranked images of its own."""

import numpy as np
from numpy.typing import NDArray

from imbclf.metrics.error_rates import error_curve
from imbclf.metrics.ranking import RankedByModels


def mean_curve(ranked: RankedByModels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return FAR and FRR of the vertical average of the models' ROC curves.

    At each FAR, the FRR is the mean of those of the models, so that the area above is their mean
    AUROC. Source: Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27, 2006.

    Returns:
        FAR, float64 `[P]`, ascending from 0 to 1, and FRR, float64 `[P]`, from 1 or less to 0. Of a
        FAR at which a curve is vertical, there are two points: its upper and its lower end.

    >>> from imbclf.metrics.ranking import rank_by_models
    >>> far, frr = mean_curve(rank_by_models([0, 1, 8, 9], [0, 1, 1, 0], models=[0, 0, 1, 1]))
    >>> far.tolist(), frr.tolist()
    ([0.0, 0.0, 1.0, 1.0], [1.0, 0.5, 0.5, 0.0])
    """
    parts = [ranked.models == model for model in range(ranked.models.max(initial=-1) + 1)]
    ends = [_ends(ranked.scores[own], ranked.labels[own]) for own in parts]
    grid = np.unique(np.concatenate([at for at, _, _ in ends]))
    left, right = (np.mean([_at(grid, *one)[side] for one in ends], axis=0) for side in (0, 1))
    return np.repeat(grid, 2), np.stack([left, right], axis=1).ravel()


def _ends(
    scores: NDArray[np.float64], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the different FARs of a curve, ascending, with the largest and least FRR at each."""
    curve = error_curve(scores, labels)
    far, first = np.unique(curve.far, return_index=True)  # thresholds rise, so that FAR falls
    last = len(curve.far) - 1 - np.unique(curve.far[::-1], return_index=True)[1]
    return far, curve.frr[last], curve.frr[first]


def _at(
    grid: NDArray[np.float64],
    far: NDArray[np.float64],
    most: NDArray[np.float64],
    least: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the largest and the least FRR of one curve at each FAR of a grid."""
    after = np.searchsorted(far, grid)
    before = np.maximum(after - 1, 0)
    on = far[after] == grid
    share = np.where(on, 1.0, (grid - far[before]) / np.where(on, 1.0, far[after] - far[before]))
    between = least[before] + share * (most[after] - least[before])
    return np.where(on, most[after], between), np.where(on, least[after], between)
