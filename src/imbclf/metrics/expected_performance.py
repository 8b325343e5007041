"""Expected performance curve: test errors at thresholds chosen on dev, over error costs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imbclf.metrics.error_rates import TIE, error_curve
from imbclf.utils.arrays import check_both_classes


@dataclass(frozen=True, eq=False)
class DevAndTest:
    """Scores and labels of one model on dev, where its threshold is chosen, and on test.

    Attributes:
        dev_scores, test_scores: `[N]`, `[M]`, finite, on one scale.
        dev_labels, test_labels: `[N]`, `[M]`, 0 or 1.
    """

    dev_scores: NDArray[np.float64]
    dev_labels: NDArray[np.int64]
    test_scores: NDArray[np.float64]
    test_labels: NDArray[np.int64]


def expected_performance(models: Sequence[DevAndTest], costs: ArrayLike) -> NDArray[np.float64]:
    """Return the expected performance curve: HTER of all test decisions, pooled, for each cost.

    For cost c, the threshold of each model minimizes c FAR + (1 - c) FRR on its dev scores
    (`weighted_thresholds`). Source: Bengio, Mariéthoz and Keller, "The expected performance curve",
    ICML workshop on ROC analysis in machine learning, 2005.

    Args:
        models: scores of each model, such as the fold models of an experiment.
        costs: `[C]`, c from 0 to 1.

    Returns:
        float64 `[C]`.

    Raises:
        ValueError: as `weighted_thresholds`, or a class is absent from all test labels.

    >>> labels = np.array([0, 0, 1, 1])
    >>> model = DevAndTest(np.arange(4.0), labels, np.array([0.0, 1.6, 1.4, 3.0]), labels)
    >>> expected_performance([model], [0.0, 0.5, 1.0]).tolist()
    [0.5, 0.5, 0.5]
    """
    wrong = np.zeros((2, len(np.asarray(costs))))
    counts = np.zeros(2)
    for model in models:
        thresholds = weighted_thresholds(model.dev_scores, model.dev_labels, costs)
        for label in (0, 1):
            own = np.sort(model.test_scores[model.test_labels == label])
            below = np.searchsorted(own, thresholds)
            wrong[label] += below if label else len(own) - below
            counts[label] += len(own)
    if not counts.all():
        raise ValueError(
            f"labels: {counts[0]:.0f} are 0 and {counts[1]:.0f} are 1, both classes are needed"
        )
    rates: NDArray[np.float64] = (wrong / counts[:, None]).mean(axis=0)
    return rates


def weighted_thresholds(
    scores: ArrayLike, labels: ArrayLike, costs: ArrayLike
) -> NDArray[np.float64]:
    """Return for each cost c the threshold with the least c FAR + (1 - c) FRR.

    Ties are broken by the least HTER, then the least |FAR - FRR|, then the lowest threshold. For
    c = 1, for example, all thresholds above the scores of label 0 tie.

    Args:
        scores: `[N]`, finite.
        labels: `[N]`, 0 or 1, both present.
        costs: `[C]`, c from 0 to 1.

    Returns:
        float64 `[C]`, midway between adjacent scores.

    Raises:
        ValueError: as `check_both_classes`, or a cost is out of range.

    >>> weighted_thresholds([0.0, 2.0, 1.0, 3.0], [0, 0, 1, 1], [0.0, 0.9]).tolist()
    [0.5, 2.5]
    """
    weights = np.asarray(costs, np.float64)
    if not ((weights >= 0) & (weights <= 1)).all():
        raise ValueError("costs: expected numbers from 0 to 1")
    curve = error_curve(*check_both_classes(scores, labels))
    gap = np.abs(curve.far - curve.frr)
    best = []
    for cost in weights:
        tied = np.arange(len(gap))
        for sums in (cost * curve.far + (1 - cost) * curve.frr, curve.hter, gap):
            tied = tied[sums[tied] <= sums[tied].min() + TIE]
        best.append(int(tied[0]))
    return np.asarray(curve.thresholds[best])
