"""Significance tests of the difference between classifiers evaluated on the same images."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, t

from imbclf.metrics.intervals import wilson_interval
from imbclf.utils.arrays import check_binary, number_groups


@dataclass(frozen=True)
class Difference:
    """HTER of classifier A minus that of B, with confidence interval and p-value.

    Attributes:
        hter: the difference, below 0 if A is better.
        low, high: bounds of its confidence interval.
        p: two-sided p-value of no difference.
    """

    hter: float
    low: float
    high: float
    p: float


def paired_hter_test(
    decisions_a: ArrayLike,
    decisions_b: ArrayLike,
    labels: ArrayLike,
    level: float = 0.95,
    groups: ArrayLike | None = None,
) -> Difference:
    """Test whether two classifiers differ in HTER on the same images.

    z = (HTER_A - HTER_B) / (1/2 sqrt((FAR_AB + FAR_BA) / n0 + (FRR_AB + FRR_BA) / n1)), with AB the
    share that A decides wrong and B right. The interval has the same standard error, so that it
    excludes 0 exactly where p < 1 - level. If images were decided several times, AB + BA is the
    mean squared difference of the two mean errors. Equal decisions give p = 1, and the interval
    reaches as far as Wilson's bounds of no discordant decision among n0 and n1, combined by
    square-and-add.

    With groups (patients, identities) the variance is that of sums over groups, and z is compared
    with Student's t, with one degree of freedom less than there are groups with the label that
    fewer groups have.

    Sources: Bengio and Mariéthoz, "A statistical significance test for person authentication",
    2004; Newcombe, "Improved confidence intervals for the difference between binomial proportions
    based on paired data", Statistics in Medicine 17, 1998, for square-and-add.

    Args:
        decisions_a: `[N]`, 0 or 1, or the mean of an image's decisions.
        decisions_b: `[N]`, likewise, for the same images.
        labels: `[N]`, 0 or 1.
        level: confidence level of the interval.
        groups: `[N]`, identifiers of groups; None if images are independent.

    Raises:
        ValueError: shapes differ, values are out of range, or a class is absent.

    >>> labels = [0] * 100 + [1] * 100
    >>> found = paired_hter_test([0] * 100 + [1] * 100, [1] * 20 + [0] * 80 + [1] * 100, labels)
    >>> found.hter, found.p < 0.001
    (-0.1, True)
    """
    a, b = (np.asarray(given, dtype=np.float64) for given in (decisions_a, decisions_b))
    if not all(((given >= 0) & (given <= 1)).all() for given in (a, b)):
        raise ValueError("decisions: expected 0, 1 or means of them")
    truth = _both_classes(a, b, labels)
    group = np.arange(len(truth)) if groups is None else number_groups(groups, truth)
    share = 1 / (2 * np.bincount(truth)[truth])  # of an image in the difference
    gap = np.abs(a - truth) - np.abs(b - truth)
    mean = np.array([gap[truth == label].mean() for label in (0, 1)])
    difference = mean.sum() / 2
    members = [len(np.unique(group[truth == label])) for label in (0, 1)]
    dependent = len(np.unique(group)) < len(truth)
    of = t(max(min(members) - 1, 1)) if dependent else norm()
    error = sqrt(float((np.bincount(group, gap * share) ** 2).sum()))
    if error > 0:
        p, half = float(2 * of.sf(abs(difference) / error)), float(of.ppf((1 + level) / 2)) * error
    else:
        p, bounds = 1.0, [wilson_interval(0.0, count, level)[1] for count in members]
        half = sqrt(sum(bound**2 for bound in bounds)) / 2
    return Difference(float(difference), float(difference - half), float(difference + half), p)


def corrected_resampled_t(
    differences: Sequence[float], fit_images: float, test_images: float
) -> float:
    """Return the two-sided p-value of the corrected resampled t-test over folds.

    t = mean / sqrt((1/k + n_test / n_fit) variance) with k - 1 degrees of freedom. The plain t-test
    assumes independent folds, but their training images overlap. NaN for fewer than two folds.

    Source: Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003.

    Args:
        differences: `[k]`, one for each fold, of all repeats.
        fit_images: average number of training images per fold.
        test_images: average number of test images per fold.

    >>> round(corrected_resampled_t([0.02, 0.03, 0.01, 0.02, 0.02], 8000, 2000), 3)
    0.014
    """
    k = len(differences)
    if k < 2:
        return nan
    spread = float(np.std(differences, ddof=1))
    mean = float(np.mean(differences))
    if spread == 0:
        return 1.0 if mean == 0 else 0.0
    statistic = mean / (spread * sqrt(1 / k + test_images / fit_images))
    return float(2 * t.sf(abs(statistic), k - 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted by Holm's method, which controls the family-wise error rate.

    A NaN stays NaN and counts as no test.

    Source: Holm, "A simple sequentially rejective multiple test procedure", 1979.

    >>> [round(p, 2) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    adjusted = [nan] * len(p_values)
    largest, count = 0.0, sum(not isnan(p) for p in p_values)
    for done, position in enumerate(np.argsort(p_values)[:count].tolist()):  # NaN are last
        largest = max(largest, min(1.0, (count - done) * p_values[position]))
        adjusted[position] = largest
    return adjusted


def _both_classes(
    a: NDArray[np.generic], b: NDArray[np.generic], labels: ArrayLike
) -> NDArray[np.int64]:
    truth = check_binary(labels)
    if not a.shape == b.shape == truth.shape:
        raise ValueError(f"expected one shape, got {a.shape}, {b.shape} and {truth.shape}")
    if truth.all() or not truth.any():
        raise ValueError("labels: both classes are needed")
    return truth
