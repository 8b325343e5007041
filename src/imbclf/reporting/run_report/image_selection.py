"""Which images a report shows."""

import numpy as np
from numpy.typing import NDArray


def surest_errors(
    log_odds: NDArray[np.float64],
    labels: NDArray[np.int64],
    decisions: NDArray[np.int64],
    label: int,
    most: int,
) -> NDArray[np.int64]:
    """Return the wrongly decided images of a label, those first that the models were surest of.

    Args:
        log_odds: `[N]`, calibrated, of label 1.
        labels: `[N]`, 0 or 1.
        decisions: `[N]`, 0 or 1.
        label: whose errors.
        most: how many at most.

    Returns:
        int64 `[M]`, rows.

    >>> surest_errors(np.array([3.0, 1.0, 5.0]), np.zeros(3, int), np.array([1, 1, 0]), 0, 9)
    array([0, 1])
    """
    wrong = np.flatnonzero((labels == label) & (decisions != label))
    against = log_odds[wrong] if label == 0 else -log_odds[wrong]
    return wrong[np.argsort(-against, kind="stable")[:most]]


def most_doubtful(margins: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """Return the rows whose margins `[N]` are nearest to 0, where the decision turns.

    >>> most_doubtful(np.array([-2.0, 0.1, -0.05]), 2)
    array([2, 1])
    """
    return np.argsort(np.abs(margins), kind="stable")[:most]
