"""Confidence interval of the HTER for clustered images (several per patient or person)."""

from math import nan, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imbclf.metrics.intervals import wilson_interval
from imbclf.utils.arrays import check_binary, check_same_shape, number_groups


def clustered_hter_interval(
    decisions: ArrayLike, labels: ArrayLike, groups: ArrayLike, level: float = 0.95
) -> tuple[float, float]:
    """Return a confidence interval of the HTER of decisions on clustered images.

    Square-and-add as in `hter_interval`, with Wilson intervals (l0, u0) of FAR and (l1, u1) of FRR
    for the effective numbers of images (`effective_images`). The lower bound is

    HTER - 1/2 sqrt((FAR - l0)^2 + (FRR - l1)^2 + 2 r (FAR - l0) (FRR - l1)),

    the upper bound likewise, with r the correlation of the two rates over groups with both labels.
    With one image per group it is `hter_interval`, up to a factor of (n - 1) / n in n. In 72
    simulated cases of 12 to 360 groups, coverage was .91 to 1.00; that of resampling whole groups
    was .47 to .96, which fails if no error of a rare class was observed. NaN if a class is absent.

    Sources: Zou and Donner, "Construction of confidence limits about effect measures", 2008;
    Korn and Graubard, "Confidence intervals for proportions with small expected number of positive
    counts estimated from survey data", 1998, for the effective number.

    Args:
        decisions: `[N]`, 0 or 1.
        labels: `[N]`, 0 or 1.
        groups: `[N]`, identifiers of groups.
        level: confidence level of the interval.

    Raises:
        ValueError: arrays differ in shape, or hold values other than 0 and 1.

    >>> labels = [0] * 60 + [1] * 300
    >>> low, high = clustered_hter_interval(labels, labels, groups=np.arange(360) // 10)
    >>> low, round(high, 2)  # no error observed, but only six groups of label 0
    (0.0, 0.2)
    """
    decided, truth = check_binary(decisions, "decisions"), check_binary(labels)
    check_same_shape("decisions", decided, truth)
    group = number_groups(groups, truth)
    if truth.all() or not truth.any():
        return nan, nan
    rates, below, above = [], [], []
    excess: list[NDArray[np.float64]] = []
    for label in (0, 1):
        wrong, of_group = (decided != truth)[truth == label], group[truth == label]
        rate = float(wrong.mean())
        low, high = wilson_interval(rate, effective_images(wrong, of_group), level)
        rates.append(rate)
        below.append(rate - low)
        above.append(high - rate)
        by_group = np.bincount(of_group, wrong - rate, minlength=group.max() + 1)
        excess.append(by_group.astype(np.float64))
    shared = _correlation(excess[0], excess[1])
    middle = sum(rates) / 2
    return middle - _half_width(below, shared), middle + _half_width(above, shared)


def clustered_rate_interval(
    wrong: NDArray[np.bool_], groups: ArrayLike, level: float = 0.95
) -> tuple[float, float]:
    """Return Wilson's interval of an error rate for the effective number of images; NaN if none.

    Args:
        wrong: `[n]`, whether each decision is wrong.
        groups: `[n]`, identifiers of groups.
        level: confidence level of the interval.

    >>> low, high = clustered_rate_interval(np.zeros(60, bool), np.arange(60) // 10)
    >>> low, round(high, 2)  # six groups
    (0.0, 0.39)
    """
    if not len(wrong):
        return nan, nan
    group = number_groups(groups, wrong.astype(np.int64))
    return wilson_interval(float(wrong.mean()), effective_images(wrong, group), level)


def effective_images(wrong: NDArray[np.bool_], groups: NDArray[np.int64]) -> float:
    """Return the effective number of images for an error rate, n / D, at most n.

    D = (E d + s) / (E + 1) is the design effect. d is the variance of the rate by group totals,
    divided by that of n independent images. E is the number of errors, or of correct decisions if
    that is less, in units of whole groups. If E is small, D shrinks towards s = sum(n_g^2) / n, the
    design effect of groups whose images are all correct or all wrong.

    Args:
        wrong: `[n]`, whether each decision is wrong.
        groups: `[n]`, group numbers.

    >>> round(effective_images(np.array([True, True, False, False] * 50), np.arange(200) // 2))
    99
    """
    count = len(wrong)
    sizes, errors = np.bincount(groups), np.bincount(groups, wrong)
    present = sizes > 0
    sizes, errors = sizes[present], errors[present]
    together = float((sizes**2).sum()) / count
    rate = float(wrong.mean())
    if rate in (0, 1) or len(sizes) == 1:
        return count / together
    by_group = float(((errors - rate * sizes) ** 2).sum()) * len(sizes) / (len(sizes) - 1)
    effect = by_group / (count * rate * (1 - rate))
    support = float((errors / sizes).sum())
    support = min(support, len(sizes) - support)
    return count / max(1.0, (support * effect + together) / (support + 1))


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    scale = sqrt(float((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / scale if scale > 0 else 0.0


def _half_width(parts: list[float], correlation: float) -> float:
    one, two = parts
    return sqrt(max(0.0, one**2 + two**2 + 2 * correlation * one * two)) / 2
