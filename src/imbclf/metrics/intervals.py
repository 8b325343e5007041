"""Confidence intervals of error rates and of the HTER."""

from math import nan, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from imbclf.utils.arrays import number_groups


def wilson_interval(rate: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a binomial rate observed in n trials; NaN if n = 0.

    Source: Wilson, "Probable inference", 1927.

    Args:
        rate: observed rate, 0 to 1.
        n: number of trials, possibly an effective number.
        level: confidence level of the interval.

    Raises:
        ValueError: the level is not between 0 and 1.

    >>> low, high = wilson_interval(0.0, 30)
    >>> round(low, 3), round(high, 3)
    (0.0, 0.114)
    """
    _check_level(level)
    if n == 0:
        return nan, nan
    z2 = float(norm.ppf((1 + level) / 2)) ** 2
    center = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = sqrt(z2 * (rate * (1 - rate) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    # At rates 0 and 1, the bounds are 0 and 1; rounding must not exceed them.
    return max(0.0, min(rate, center - half)), min(1.0, max(rate, center + half))


def hter_interval(
    far: float, frr: float, n0: int, n1: int, level: float = 0.95
) -> tuple[float, float]:
    """Return a confidence interval of the HTER of decisions on n0 and n1 independent images.

    Square-and-add: with Wilson intervals (l0, u0) of FAR and (l1, u1) of FRR, it is from
    HTER - 1/2 sqrt((FAR - l0)^2 + (FRR - l1)^2) to HTER + 1/2 sqrt((u0 - FAR)^2 + (u1 - FRR)^2).
    It is within 0 and 1, and not a point if no error was observed. NaN if a class is absent.

    Sources: Newcombe, "Interval estimation for the difference between independent proportions",
    1998, method 10; Zou and Donner, "Construction of confidence limits about effect measures",
    2008.

    Args:
        far: false accept rate, the errors of label 0.
        frr: false reject rate, the errors of label 1.
        n0: number of images of label 0.
        n1: number of images of label 1.
        level: confidence level of the interval.

    Raises:
        ValueError: the level is not between 0 and 1.

    >>> low, high = hter_interval(0.05, 0.05, 12_102, 87_898)
    >>> round(low, 4), round(high, 4)
    (0.048, 0.0521)
    """
    low0, high0 = wilson_interval(far, n0, level)
    low1, high1 = wilson_interval(frr, n1, level)
    middle = (far + frr) / 2
    below = sqrt((far - low0) ** 2 + (frr - low1) ** 2) / 2
    above = sqrt((high0 - far) ** 2 + (high1 - frr) ** 2) / 2
    return middle - below, middle + above


def bootstrap_hter_interval(
    decisions: ArrayLike,
    labels: ArrayLike,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return a percentile bootstrap interval of the HTER; NaN if a class is absent.

    Images are resampled within each class. With groups (patients, identities), whole groups are
    resampled, separately those with label 0, label 1 or both, for images that are not independent.
    If no error was observed, the interval is a point; with few groups or errors,
    `clustered_hter_interval` is more accurate.

    Args:
        decisions: `[N]`, 0 or 1.
        labels: `[N]`, 0 or 1.
        groups: `[N]`, identifiers of groups.
        level: confidence level of the interval.
        resamples: number of resampled data sets.
        seed: random seed.

    Raises:
        ValueError: arrays differ in shape, or hold values other than 0 and 1.

    >>> decisions, labels = [0, 1, 0, 0] * 50, [0, 0, 1, 0] * 50
    >>> low, high = bootstrap_hter_interval(decisions, labels)
    >>> low < 2 / 3 < high
    True
    """
    _check_level(level)
    counts = _error_counts(np.asarray(decisions), np.asarray(labels))
    if groups is not None:
        counts = _sum_by_group(counts, number_groups(groups, np.asarray(labels)))
    # Groups with equal counts are interchangeable: draw how often each kind occurs.
    kinds, sizes = np.unique(counts, axis=0, return_counts=True)
    if not (kinds[:, 0].any() and kinds[:, 2].any()):
        return nan, nan
    rng = np.random.default_rng(seed)
    totals = np.zeros((resamples, 4))
    strata = 2 * (kinds[:, 0] > 0) + (kinds[:, 2] > 0)
    for stratum in np.unique(strata):
        size = sizes[strata == stratum]
        drawn = rng.multinomial(size.sum(), size / size.sum(), resamples)
        totals += drawn @ kinds[strata == stratum]
    hters = (totals[:, 1] / totals[:, 0] + totals[:, 3] / totals[:, 2]) / 2
    low, high = np.quantile(hters, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _error_counts(decisions: NDArray[np.generic], labels: NDArray[np.generic]) -> NDArray[np.int64]:
    """Return for each image: label 0, false accept, label 1, false reject, int64 `[N, 4]`."""
    if decisions.ndim != 1 or decisions.shape != labels.shape:
        raise ValueError(
            f"expected decisions and labels of one shape [N], got {decisions.shape} and "
            f"{labels.shape}"
        )
    zero, one, accepted, rejected = labels == 0, labels == 1, decisions == 1, decisions == 0
    if not ((zero | one) & (accepted | rejected)).all():
        raise ValueError("decisions and labels: expected only 0 and 1")
    return np.stack([zero, zero & accepted, one, one & rejected], axis=1).astype(np.int64)


def _sum_by_group(counts: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.int64]:
    sums = np.zeros((group.max(initial=-1) + 1, counts.shape[1]), np.int64)
    np.add.at(sums, group, counts)
    return sums


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level: expected a probability between 0 and 1, got {level}")
