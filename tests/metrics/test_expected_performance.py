from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from imbclf.metrics.expected_performance import (
    DevAndTest,
    expected_performance,
    weighted_thresholds,
)
from imbclf.metrics.thresholds import min_hter_threshold

COSTS = np.linspace(0, 1, 11)


def draw(seed: int, images: int, shift: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    labels = (random.random(images) < 0.8).astype(np.int64)
    labels[:2] = 0, 1
    return np.round(random.normal(size=images) + 1.5 * labels + shift, 1), labels


def rates(
    scores: NDArray[np.float64], labels: NDArray[np.int64], threshold: float
) -> tuple[float, float]:
    far = sum(s >= threshold for s in scores[labels == 0]) / sum(labels == 0)
    frr = sum(s < threshold for s in scores[labels == 1]) / sum(labels == 1)
    return float(far), float(frr)


@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_costs_less_on_dev(seed: int) -> None:
    scores, labels = draw(seed, 80, 0)
    grid = [-np.inf, *(np.unique(scores) + 0.05), np.inf]
    for cost, threshold in zip(COSTS, weighted_thresholds(scores, labels, COSTS), strict=True):
        far, frr = rates(scores, labels, threshold)
        every = [rates(scores, labels, other) for other in grid]
        least = min(cost * a + (1 - cost) * r for a, r in every)
        assert cost * far + (1 - cost) * frr == pytest.approx(least)
        ties = [(a + r) / 2 for a, r in every if cost * a + (1 - cost) * r <= least + 1e-12]
        assert (far + frr) / 2 == pytest.approx(min(ties))


@pytest.mark.parametrize("seed", range(20))
def test_equal_costs_choose_as_min_hter_does(seed: int) -> None:
    scores, labels = draw(seed, 60, 0)
    (threshold,) = weighted_thresholds(scores, labels, [0.5])
    assert threshold == pytest.approx(min_hter_threshold(scores, labels))


def test_ties_are_broken_by_rates_and_not_by_their_rounding() -> None:
    found = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        labels = np.repeat([0, 1], [int(rng.integers(3, 12)), int(rng.integers(3, 30))])
        scores = np.round(rng.normal(size=len(labels)) + labels, 1)
        n0, n1 = np.bincount(labels).tolist()
        every = []
        for cut in [-np.inf, *(np.unique(scores) + 0.05), np.inf]:
            wrong = Fraction(int(sum(scores[labels == 0] >= cut)), n0)
            missed = Fraction(int(sum(scores[labels == 1] < cut)), n1)
            every.append((wrong + missed, abs(wrong - missed), float(cut)))
        (threshold,) = weighted_thresholds(scores, labels, [0.5])
        expected = min(every)[2]
        assert rates(scores, labels, threshold) == rates(scores, labels, expected)
        found += len({one[:2] for one in every if one[0] == min(every)[0]}) > 1
    assert found > 10


def test_decisions_of_all_folds_are_pooled() -> None:
    folds = [
        DevAndTest(*draw(2 * k, 50, 3.0 * k), *draw(2 * k + 1, 70 + 30 * k, 3.0 * k))
        for k in range(3)
    ]
    curve = expected_performance(folds, COSTS)
    for place, cost in enumerate(COSTS):
        wrong, count = [0, 0], [0, 0]
        for fold in folds:
            (threshold,) = weighted_thresholds(fold.dev_scores, fold.dev_labels, [cost])
            for score, label in zip(fold.test_scores, fold.test_labels, strict=True):
                wrong[label] += int((score >= threshold) != label)
                count[label] += 1
        assert curve[place] == pytest.approx((wrong[0] / count[0] + wrong[1] / count[1]) / 2)


def test_undefined_input_is_refused() -> None:
    scores, labels = draw(0, 20, 0)
    with pytest.raises(ValueError, match="costs"):
        weighted_thresholds(scores, labels, [1.5])
    with pytest.raises(ValueError, match="both classes"):
        weighted_thresholds(scores, np.ones(20, int), [0.5])
    only_ones = DevAndTest(scores, labels, scores, np.ones(20, np.int64))
    with pytest.raises(ValueError, match="both classes are needed"):
        expected_performance([only_ones], [0.5])
