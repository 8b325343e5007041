"""Thresholds for a largest FAR, a largest FRR or a cost ratio."""

from numpy.typing import ArrayLike

from imbclf.metrics.error_rates import error_curve
from imbclf.metrics.expected_performance import weighted_thresholds
from imbclf.utils.arrays import check_both_classes
from imbclf.utils.checks import check_range


def threshold_for_far(scores: ArrayLike, labels: ArrayLike, max_far: float) -> float:
    """Return the threshold of least FRR among those with FAR <= `max_far`.

    Args:
        scores: `[N]`, higher for label 1.
        labels: `[N]`, 0 or 1, both present.
        max_far: largest share of label 0 decided 1, 0 to 1.

    Raises:
        UserError: the share is out of range.
        ValueError: as `check_scores`, or a class is absent.

    >>> threshold_for_far([0.0, 1.0, 2.0, 3.0], [0, 0, 1, 1], max_far=0.0)
    1.5
    """
    check_range("max_far", max_far, at_least=0, at_most=1, what="a share")
    curve = error_curve(*check_both_classes(scores, labels))
    return float(curve.thresholds[curve.far <= max_far].min())


def threshold_for_frr(scores: ArrayLike, labels: ArrayLike, max_frr: float) -> float:
    """Return the threshold of least FAR among those with FRR <= `max_frr`.

    Arguments and errors are those of `threshold_for_far`.

    >>> threshold_for_frr([0.0, 1.0, 2.0, 3.0], [0, 1, 1, 1], max_frr=0.5)
    1.5
    """
    check_range("max_frr", max_frr, at_least=0, at_most=1, what="a share")
    curve = error_curve(*check_both_classes(scores, labels))
    return float(curve.thresholds[curve.frr <= max_frr].max())


def threshold_for_cost(scores: ArrayLike, labels: ArrayLike, cost_ratio: float) -> float:
    """Return the threshold of least cost_ratio FAR + FRR.

    A ratio of 1 minimizes the HTER.

    Args:
        scores: `[N]`, higher for label 1.
        labels: `[N]`, 0 or 1, both present.
        cost_ratio: cost of FAR relative to FRR, above 0.

    Raises:
        UserError: the ratio is not a number above 0.
        ValueError: as `check_scores`, or a class is absent.

    >>> threshold_for_cost([0.0, 1.0, 2.0, 3.0], [0, 1, 0, 1], cost_ratio=3.0)
    2.5
    """
    check_range("cost_ratio", cost_ratio, above=0)
    return float(weighted_thresholds(scores, labels, [cost_ratio / (1 + cost_ratio)])[0])
