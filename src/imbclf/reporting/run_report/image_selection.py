"""Select the images that a report shows."""

import numpy as np
from numpy.typing import NDArray


def most_confident_errors(
    log_odds: NDArray[np.float64],
    labels: NDArray[np.int64],
    decisions: NDArray[np.int64],
    label: int,
    most: int,
) -> NDArray[np.int64]:
    """Return the errors among the images of a label, the most confident first.

    Args:
        log_odds: `[N]`, calibrated, of label 1.
        labels: `[N]`, 0 or 1.
        decisions: `[N]`, 0 or 1.
        label: whose errors.
        most: how many at most.

    Returns:
        int64 `[M]`, rows.

    >>> log_odds, labels = np.array([3.0, 1.0, 5.0]), np.zeros(3, int)
    >>> most_confident_errors(log_odds, labels, np.array([1, 1, 0]), label=0, most=9)
    array([0, 1])
    """
    wrong = np.flatnonzero((labels == label) & (decisions != label))
    against = log_odds[wrong] if label == 0 else -log_odds[wrong]
    return wrong[np.argsort(-against, kind="stable")[:most]]


def nearest_to_threshold(margins: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """Return the rows whose margins `[N]` are nearest to 0, where the decision turns.

    >>> nearest_to_threshold(np.array([-2.0, 0.1, -0.05]), 2)
    array([2, 1])
    """
    return np.argsort(np.abs(margins), kind="stable")[:most]


def typical_right(
    margins: NDArray[np.float64],
    labels: NDArray[np.int64],
    decisions: NDArray[np.int64],
    label: int,
    most: int,
) -> NDArray[np.int64]:
    """Return right decisions of a label, those nearest to their median margin first.

    Arguments are those of `most_confident_errors`, margins those of `nearest_to_threshold`.

    >>> margins, labels = np.array([1.0, 2.0, 9.0, -1.0]), np.ones(4, int)
    >>> typical_right(margins, labels, np.array([1, 1, 1, 0]), label=1, most=2)
    array([1, 0])
    """
    right = np.flatnonzero((labels == label) & (decisions == label))
    if not len(right):
        return right
    distance = np.abs(margins[right] - np.median(margins[right]))
    return right[np.argsort(distance, kind="stable")[:most]]
