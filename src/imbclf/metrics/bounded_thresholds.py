"""Thresholds whose error rate is bounded on new images, with a confidence.

One label is called positive and found where the score is high; `false_alarms` is the share of the
other label that is called positive, `misses` that of the positive label that is not. A threshold
chosen for a rate of .05 on the images at hand exceeds .05 on new ones in about half of all cases.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from imbclf.metrics.clustered_intervals import effective_images
from imbclf.metrics.error_rates import error_curve
from imbclf.utils.arrays import number_groups

RANKS = 10  # of thresholds that are tried for a precision


@dataclass(frozen=True, eq=False)
class ScoredImages:
    """Scores of images that no model behind them was trained on.

    Attributes:
        scores: float64 `[N]`, high for the positive label.
        positive: bool `[N]`, both present.
        groups: int64 `[N]`, which images depend on each other; None: none do.
        share: of the positive label in the population, between 0 and 1.
    """

    scores: NDArray[np.float64]
    positive: NDArray[np.bool_]
    groups: NDArray[np.int64] | None
    share: float

    def false_alarms(self, threshold: float) -> NDArray[np.bool_]:
        """Return which images of the other label are called positive, `[n0]`."""
        return self.scores[~self.positive] >= threshold

    def misses(self, threshold: float) -> NDArray[np.bool_]:
        """Return which images of the positive label are not called positive, `[n1]`."""
        return self.scores[self.positive] < threshold

    def false_alarm_bound(self, threshold: float, confidence: float) -> float:
        """Return the upper confidence bound of the false alarm rate."""
        return rate_bound(self.false_alarms(threshold), self._groups(positive=False), confidence)

    def miss_bound(self, threshold: float, confidence: float) -> float:
        """Return the upper confidence bound of the miss rate."""
        return rate_bound(self.misses(threshold), self._groups(positive=True), confidence)

    def hit_bound(self, threshold: float, confidence: float) -> float:
        """Return the upper confidence bound of the rate of hits, 1 - misses."""
        return rate_bound(~self.misses(threshold), self._groups(positive=True), confidence)

    def alarm_bound(self, threshold: float, confidence: float) -> float:
        """Return the upper bound of the share that is called positive: both rates at once."""
        each = (1 + confidence) / 2
        hits = self.hit_bound(threshold, each)
        return self.share * hits + (1 - self.share) * self.false_alarm_bound(threshold, each)

    def precision_bound(self, threshold: float, confidence: float) -> float:
        """Return the lower bound of the share of right ones among those called positive."""
        each = (1 + confidence) / 2
        right = self.share * (1 - self.miss_bound(threshold, each))
        wrong = (1 - self.share) * self.false_alarm_bound(threshold, each)
        return right / (right + wrong)

    def _groups(self, *, positive: bool) -> NDArray[np.int64] | None:
        return None if self.groups is None else self.groups[self.positive == positive]


def rate_bound(
    wrong: NDArray[np.bool_], groups: NDArray[np.int64] | None, confidence: float
) -> float:
    """Return the one-sided upper confidence bound of an error rate (Clopper and Pearson).

    Exact for independent images; in groups, for the effective number of images. Sources: Clopper
    and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26, 1934; Korn and Graubard, "Confidence intervals for proportions with small
    expected number of positive counts estimated from survey data", Survey Methodology 24, 1998.

    Args:
        wrong: `[n]`, n at least 1.
        groups: `[n]`, numbers of groups, or None.
        confidence: that the bound is not exceeded.

    >>> round(rate_bound(np.zeros(59, bool), None, 0.95), 3)
    0.05
    """
    count = len(wrong) if groups is None else effective_images(wrong, _renumbered(groups))
    errors = float(wrong.mean()) * count
    if errors >= count:
        return 1.0
    return float(beta.ppf(confidence, errors + 1, count - errors))


def images_needed(rate: float, confidence: float) -> int:
    """Return how many images without an error bound a rate, the least that can.

    >>> images_needed(0.05, 0.95), images_needed(0.01, 0.95)
    (59, 299)
    """
    return ceil(log(1 - confidence) / log(1 - rate))


def lowest_threshold(
    images: ScoredImages, bound: Callable[[float, float], float], most: float, confidence: float
) -> float | None:
    """Return the lowest threshold at which a bound that falls with the threshold is at most `most`.

    Thresholds are tested from the highest down to the first that fails, so that no correction is
    due for their number: with probability `confidence` the rate at the threshold returned is at
    most `most`. None if the highest fails. Source: Angelopoulos, Bates, Candes, Jordan and Lei,
    "Learn then test: calibrating predictive algorithms to achieve risk control", 2021 (fixed
    sequence testing).

    Args:
        images: of new images the rate is to be bounded.
        bound: of a threshold and a confidence, a method of `images`.
        most: what the rate may be.
        confidence: between 0 and 1.
    """
    return _last(_candidates(images)[::-1], lambda t: bound(t, confidence) <= most)


def highest_threshold(
    images: ScoredImages, bound: Callable[[float, float], float], most: float, confidence: float
) -> float | None:
    """Return the highest threshold at which a bound that rises with it is at most `most`.

    As `lowest_threshold`, tested from the lowest up. In groups the bound is wide where there are no
    errors at all, which say nothing of how they cluster; bisection may pass over such thresholds.
    In 12 simulated cases of 60 unequal groups with 320 images (correlation within groups .09 to .9,
    `most` .05 to .2) the true rate exceeded `most` in .000 to .057 of 300 draws, confidence .95.
    """
    return _last(_candidates(images), lambda t: bound(t, confidence) <= most)


def precise_thresholds(images: ScoredImages) -> NDArray[np.float64]:
    """Return the thresholds that are tried for a precision, `[RANKS]` or fewer, falling.

    Each lets a number of images of the other label pass that depends on how many there are, not on
    their scores: its false alarm rate is then a rank's, whose distribution is known, and the hits
    beside it are independent of it.
    """
    others = np.sort(images.scores[~images.positive])[::-1]
    ranks = np.unique(np.geomspace(1, max(len(others) / 2, 1), RANKS - 1).astype(np.int64))
    candidates = _candidates(images)
    above = np.searchsorted(candidates, others[np.concatenate([[0], ranks[ranks < len(others)]])])
    tried: NDArray[np.float64] = candidates[np.minimum(above, len(candidates) - 1)]
    return tried


def most_sensitive_precise(
    images: ScoredImages, least: float, confidence: float
) -> tuple[float | None, float]:
    """Return the threshold of most hits whose precision is bounded by `least`, and the best bound.

    The confidence is divided among the thresholds that are tried (Bonferroni). None where no
    threshold has such a precision.
    """
    tried = precise_thresholds(images)
    each = 1 - (1 - confidence) / len(tried)
    bounds = np.array([images.precision_bound(float(one), each) for one in tried])
    passed = tried[bounds >= least]
    return (float(passed.min()) if len(passed) else None), float(bounds.max())


def _candidates(images: ScoredImages) -> NDArray[np.float64]:
    """Return thresholds below, between and above all scores, rising; finite."""
    thresholds = error_curve(images.scores, images.positive.astype(np.int64)).thresholds[1:-1]
    return np.array([images.scores.min() - 1, *thresholds, images.scores.max() + 1])


def _last(candidates: NDArray[np.float64], holds: Callable[[float], bool]) -> float | None:
    """Return the last candidate before the first that fails, by bisection."""
    low, high = -1, len(candidates)
    while high - low > 1:
        middle = (low + high) // 2
        if holds(float(candidates[middle])):
            low = middle
        else:
            high = middle
    return None if low < 0 else float(candidates[low])


def _renumbered(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    return number_groups(groups, np.zeros(len(groups), np.int64))
