"""Error rates of decisions with their intervals, for images that may depend on each other."""

import numpy as np
from numpy.typing import NDArray

from imbclf.metrics.clustered_intervals import clustered_hter_interval, clustered_rate_interval
from imbclf.metrics.error_rates import error_rates
from imbclf.metrics.intervals import hter_interval, wilson_interval

LEVEL = 0.95


def decision_errors(
    decisions: NDArray[np.int64],
    labels: NDArray[np.int64],
    clusters: NDArray[np.generic] | None = None,
) -> dict[str, float | list[float]]:
    """Return `hter`, `far` and `frr` of decisions `[N]`, and the interval of each.

    Args:
        decisions: `[N]`, 0 or 1.
        labels: `[N]`, 0 or 1.
        clusters: `[N]`, which rows depend on each other; None: none do.

    >>> errors = decision_errors(np.array([1, 0, 1, 1]), np.array([0, 0, 1, 1]))
    >>> errors["hter"], errors["far"], errors["frr"]
    (0.25, 0.5, 0.0)
    """
    far, frr = error_rates(decisions, labels)
    return {
        "hter": (far + frr) / 2,
        "far": far,
        "frr": frr,
        **error_intervals(decisions, labels, clusters),
    }


def error_intervals(
    decisions: NDArray[np.generic],
    labels: NDArray[np.int64],
    clusters: NDArray[np.generic] | None = None,
) -> dict[str, list[float]]:
    """Return `hter_interval`, `far_interval` and `frr_interval` of decisions `[N]`.

    Args:
        decisions: `[N]`, 0 or 1.
        labels: `[N]`, 0 or 1.
        clusters: `[N]`, which rows depend on each other; None: none do.
    """
    wrong = np.asarray(decisions != labels)
    of_label = [wrong[labels == label] for label in (0, 1)]
    if clusters is None:
        (far, frr), (zero, one) = map(share_of, of_label), map(len, of_label)
        both = hter_interval(far, frr, zero, one, LEVEL)
    else:
        both = clustered_hter_interval(decisions, labels, clusters, LEVEL)
    single = [
        rate_interval(own, None if clusters is None else clusters[labels == label])
        for label, own in enumerate(of_label)
    ]
    names = ("hter_interval", "far_interval", "frr_interval")
    return {name: list(ends) for name, ends in zip(names, (both, *single), strict=True)}


def share_of(wrong: NDArray[np.bool_]) -> float:
    """Return the share of `wrong` that is true; NaN of nothing."""
    return float(wrong.mean()) if len(wrong) else float("nan")


def rate_interval(
    wrong: NDArray[np.bool_], clusters: NDArray[np.generic] | None
) -> tuple[float, float]:
    """Return the interval of `share_of(wrong)`, `[N]`.

    Args:
        wrong: `[N]`.
        clusters: `[N]`, which rows depend on each other; None: none do.

    >>> rate_interval(np.zeros(30, bool), None)[0]
    0.0
    """
    if clusters is None:
        return wilson_interval(share_of(wrong), len(wrong), LEVEL)
    return clustered_rate_interval(wrong, clusters, LEVEL)
