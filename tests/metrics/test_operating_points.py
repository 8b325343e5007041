"""Thresholds for a bound on FAR or FRR, or for unequal costs: against brute force."""

import numpy as np
import pytest
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.metrics.error_rates import decide, error_rates
from imbclf.metrics.operating_points import threshold_for_cost, threshold_for_far, threshold_for_frr
from imbclf.metrics.thresholds import choose_threshold


def scores_and_labels(seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], [15, 60])
    return rng.normal(labels, 1.0).round(1), labels  # rounded: there are ties


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("bound", [0.0, 0.01, 0.1, 0.5, 1.0])
def test_bounds_hold_and_cost_no_more_than_they_must(seed: int, bound: float) -> None:
    scores, labels = scores_and_labels(seed)
    candidates = [*scores, scores.max() + 1]
    rates = [error_rates(decide(scores, threshold), labels) for threshold in candidates]
    far, frr = error_rates(decide(scores, threshold_for_far(scores, labels, bound)), labels)
    assert far <= bound
    assert frr == min(rejected for accepted, rejected in rates if accepted <= bound)
    far, frr = error_rates(decide(scores, threshold_for_frr(scores, labels, bound)), labels)
    assert frr <= bound
    assert far == min(accepted for accepted, rejected in rates if rejected <= bound)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("ratio", [0.1, 1.0, 7.3])
def test_the_cost_is_the_least_possible(seed: int, ratio: float) -> None:
    scores, labels = scores_and_labels(seed)
    candidates = [*scores, scores.max() + 1]
    costs = [
        ratio * far + frr
        for far, frr in (error_rates(decide(scores, t), labels) for t in candidates)
    ]
    far, frr = error_rates(decide(scores, threshold_for_cost(scores, labels, ratio)), labels)
    assert ratio * far + frr == pytest.approx(min(costs))


def test_equal_costs_are_the_hter() -> None:
    scores, labels = scores_and_labels(0)
    for threshold in (
        threshold_for_cost(scores, labels, 1.0),
        choose_threshold(scores, labels, "min_hter"),
    ):
        assert sum(error_rates(decide(scores, threshold), labels)) == pytest.approx(
            sum(error_rates(decide(scores, threshold_for_cost(scores, labels, 1.0)), labels))
        )


@pytest.mark.parametrize(
    ("find", "value", "message"),
    [
        (threshold_for_far, 1.5, "max_far=1.5: expected a share"),
        (threshold_for_frr, float("nan"), "max_frr=nan"),
        (threshold_for_cost, 0.0, "cost_ratio=0.0: expected a number above 0"),
        (threshold_for_cost, float("inf"), "cost_ratio=inf"),
    ],
)
def test_values_out_of_range_are_refused(find: object, value: float, message: str) -> None:
    assert callable(find)
    with pytest.raises(UserError, match=message):
        find(*scores_and_labels(0), value)
