"""Net benefit of decisions by a probability, for decision curves."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imbclf.utils.arrays import check_probabilities


def net_benefit(
    probabilities: ArrayLike, labels: ArrayLike, thresholds: ArrayLike
) -> NDArray[np.float64]:
    """Return the net benefit of deciding 1 where the probability is t or more, for each t.

    net benefit(t) = TP / N - FP / N * t / (1 - t)

    A threshold t says how errors weigh: whoever acts from a probability of t on takes 1 / t - 1
    needless actions to be worth one that is needed. The unit is found images of label 1 per image.
    To compare with: deciding 0 always has the net benefit 0, deciding 1 always that of
    `net_benefit_of_all`. Source: Vickers and Elkin, "Decision curve analysis: a novel method for
    evaluating prediction models", Medical Decision Making 26, 2006.

    Args:
        probabilities: `[N]`, of label 1.
        labels: `[N]`, 0 or 1.
        thresholds: `[T]`, t from 0 to below 1.

    Returns:
        float64 `[T]`.

    Raises:
        ValueError: as `check_probabilities`, or a threshold is out of range.

    >>> net_benefit([0.1, 0.4, 0.9, 0.6], [0, 0, 1, 1], [0.0, 0.2, 0.5]).tolist()
    [0.5, 0.4375, 0.5]
    """
    odds = _odds(thresholds)
    predicted, truth = check_probabilities(probabilities, labels)
    acted = [
        len(own) - np.searchsorted(own, np.asarray(thresholds, np.float64))
        for own in (np.sort(predicted[truth == label]) for label in (0, 1))
    ]
    return np.asarray((acted[1] - odds * acted[0]) / len(truth))


def net_benefit_of_all(prevalence: float, thresholds: ArrayLike) -> NDArray[np.float64]:
    """Return the net benefit of deciding 1 always: prevalence - (1 - prevalence) t / (1 - t).

    Args:
        prevalence: share of label 1, 0 to 1.
        thresholds: `[T]`, t from 0 to below 1.

    Raises:
        ValueError: a threshold is out of range.

    >>> net_benefit_of_all(0.5, [0.0, 0.5]).tolist()
    [0.5, 0.0]
    """
    return np.asarray(prevalence - (1 - prevalence) * _odds(thresholds))


def _odds(thresholds: ArrayLike) -> NDArray[np.float64]:
    at = np.asarray(thresholds, np.float64)
    if not ((at >= 0) & (at < 1)).all():
        raise ValueError("thresholds: expected probabilities from 0 to below 1")
    return np.asarray(at / (1 - at))
