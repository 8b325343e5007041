from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, binomtest, norm

from imbclf.metrics.bounded_thresholds import (
    ScoredImages,
    highest_threshold,
    images_needed,
    lowest_threshold,
    most_sensitive_precise,
    rate_bound,
)

CONFIDENCE, DRAWS, DISTANCE = 0.9, 600, 2.4
MOST_EXCEEDED = binom.ppf(0.999, DRAWS, 1 - CONFIDENCE) / DRAWS


def drawn(seed: int, others: int = 200, positives: int = 60, decimals: int = 15) -> ScoredImages:
    random = np.random.default_rng(seed)
    positive = np.repeat([False, True], [others, positives])
    scores = (random.normal(size=len(positive)) + DISTANCE * positive).round(decimals)
    return ScoredImages(scores, positive, None, 0.2)


def true_rates(threshold: float) -> tuple[float, float]:
    """False alarms and misses of new images."""
    return float(norm.sf(threshold)), float(norm.cdf(threshold - DISTANCE))


def test_the_bound_of_a_rate_is_that_of_clopper_and_pearson() -> None:
    for errors, count in ((0, 20), (3, 20), (20, 20), (7, 400)):
        wrong = np.arange(count) < errors
        exact = binomtest(errors, count, alternative="less").proportion_ci(0.95, "exact").high
        assert rate_bound(wrong, None, 0.95) == pytest.approx(exact)
        assert rate_bound(wrong, np.arange(count), 0.95) == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize("rate", [0.3, 0.05, 0.01])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_so_many_images_are_needed_and_no_fewer(rate: float, confidence: float) -> None:
    needed = images_needed(rate, confidence)
    assert rate_bound(np.zeros(needed, bool), None, confidence) <= rate + 1e-12
    assert rate_bound(np.zeros(needed - 1, bool), None, confidence) > rate


@pytest.mark.parametrize("seed", range(4))
def test_a_threshold_is_the_last_before_the_first_that_fails(seed: int) -> None:
    images = drawn(seed, decimals=1)  # there are ties
    candidates = np.unique(images.scores)
    passing = [t for t in candidates if images.false_alarm_bound(t, 0.9) <= 0.1]
    found = lowest_threshold(images, images.false_alarm_bound, 0.1, 0.9)
    assert found is not None
    calls = images.scores >= found
    assert calls.tolist() == (images.scores >= min(passing)).tolist()
    passing = [t for t in candidates if images.miss_bound(t, 0.9) <= 0.1]
    found = highest_threshold(images, images.miss_bound, 0.1, 0.9)
    assert found is not None
    assert (images.scores >= found).tolist() == (images.scores >= max(passing)).tolist()
    assert lowest_threshold(images, images.false_alarm_bound, 0.001, 0.9) is None


def alarms(threshold: float) -> float:
    false_alarms, misses = true_rates(threshold)
    return 0.2 * (1 - misses) + 0.8 * false_alarms


def imprecision(threshold: float) -> float:
    false_alarms, misses = true_rates(threshold)
    return 0.8 * false_alarms / (0.2 * (1 - misses) + 0.8 * false_alarms)


CASES: dict[str, tuple[Callable[[ScoredImages], float | None], Callable[[float], float], float]] = {
    "false alarms": (
        lambda one: lowest_threshold(one, one.false_alarm_bound, 0.1, CONFIDENCE),
        lambda threshold: true_rates(threshold)[0],
        0.1,
    ),
    "misses": (
        lambda one: highest_threshold(one, one.miss_bound, 0.1, CONFIDENCE),
        lambda threshold: true_rates(threshold)[1],
        0.1,
    ),
    "alarms": (
        lambda one: lowest_threshold(one, one.alarm_bound, 0.25, CONFIDENCE),
        alarms,
        0.25,
    ),
    "precision": (
        lambda one: most_sensitive_precise(one, 0.6, CONFIDENCE)[0],
        imprecision,
        0.4,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_true_rate_exceeds_the_bound_no_more_often_than_it_may(case: str) -> None:
    choose, rate, most = CASES[case]
    found = [choose(drawn(seed)) for seed in range(DRAWS)]
    rates = [rate(threshold) for threshold in found if threshold is not None]
    assert len(rates) > 0.9 * DRAWS
    assert np.mean(np.array(rates) > most) <= MOST_EXCEEDED
    # Nor is it bought with a threshold that is never reached.
    assert np.mean(rates) > most / 5


def grouped(seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """200 images of the other label, of 20 groups with an effect of their own."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(20), 10)
    return random.normal(size=20)[groups] * 0.8 + random.normal(size=200) * 0.6, groups


def test_groups_count_for_less_than_their_images() -> None:
    exceeded = {True: 0, False: 0}
    draws = 300
    for seed in range(draws):
        scores, groups = grouped(seed)
        positive = np.repeat([False, True], [200, 2])
        scores, groups = np.append(scores, [3.0, 4.0]), np.append(groups, [20, 21])
        for known in (True, False):
            images = ScoredImages(scores, positive, groups if known else None, 0.5)
            found = lowest_threshold(images, images.false_alarm_bound, 0.2, CONFIDENCE)
            assert found is not None
            exceeded[known] += norm.sf(found) > 0.2
    assert exceeded[True] / draws <= binom.ppf(0.999, draws, 1 - CONFIDENCE) / draws
    assert exceeded[False] / draws > 0.2
