"""Intervals of PPV, NPV and F1 against exact sums, bootstraps and simulations."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from imbclf.evaluation.decision_errors import decision_errors
from imbclf.metrics.intervals import wilson_interval
from imbclf.metrics.predictive_values import Bounded, f1_score, fraction, predictive_value

N1, N0 = 60, 400


def rate(errors: int, count: int) -> Bounded:
    return Bounded(errors / count, *wilson_interval(errors / count, count))


def measured(found: int, alarms: int, prevalence: float) -> dict[str, Bounded]:
    sensitivity, false_alarms = rate(found, N1), rate(alarms, N0)
    misses = sensitivity.complement
    return {
        "ppv": predictive_value(sensitivity, false_alarms, prevalence),
        "npv": predictive_value(false_alarms.complement, misses, 1 - prevalence),
        "f1": f1_score(sensitivity, false_alarms, prevalence),
    }


def truth(sensitivity: float, alarms: float, p: float) -> dict[str, float]:
    """The same by Bayes' rule and by precision and recall."""
    ppv = p * sensitivity / (p * sensitivity + (1 - p) * alarms)
    npv = (1 - p) * (1 - alarms) / ((1 - p) * (1 - alarms) + p * (1 - sensitivity))
    return {"ppv": ppv, "npv": npv, "f1": 2 * ppv * sensitivity / (ppv + sensitivity)}


@pytest.mark.parametrize("prevalence", [N1 / (N0 + N1), 0.01])
def test_values_are_those_of_bayes_rule(prevalence: float) -> None:
    found = measured(48, 20, prevalence)
    expected = truth(48 / N1, 20 / N0, prevalence)
    assert {name: one.value for name, one in found.items()} == pytest.approx(expected)
    for one in found.values():
        assert 0 < one.low < one.value < one.high < 1


@pytest.mark.slow
@pytest.mark.parametrize(("sensitivity", "alarms"), [(0.5, 0.2), (0.8, 0.05), (0.9, 0.01)])
def test_intervals_cover_the_truth_as_often_as_they_say(sensitivity: float, alarms: float) -> None:
    prevalence = N1 / (N0 + N1)
    true = truth(sensitivity, alarms, prevalence)
    covered = dict.fromkeys(true, 0.0)
    for found in range(N1 + 1):
        for wrong in range(N0 + 1):
            chance = binom.pmf(found, N1, sensitivity) * binom.pmf(wrong, N0, alarms)
            if chance < 1e-7:
                continue
            for name, one in measured(found, wrong, prevalence).items():
                covered[name] += chance * (one.low <= true[name] <= one.high)
    for name, share in covered.items():
        assert 0.93 <= share <= 0.985, (name, share)


def by_group(seed: int, groups: int, each: int) -> tuple[NDArray[np.int64], ...]:
    """Draw decisions on images of patients, some of whom are harder than others."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), each)
    labels = (rng.random(groups * each) < 0.2).astype(np.int64)
    error = rng.beta(0.15 * 4, 0.85 * 4, groups)[group]  # mean .15
    return np.where(rng.random(len(labels)) < error, 1 - labels, labels), labels, group


def test_intervals_are_those_of_as_many_images_as_the_groups_are_worth() -> None:
    true = truth(0.85, 0.15, 0.2)["ppv"]
    covered = {"by group": 0, "as if independent": 0}
    for seed in range(400):
        decisions, labels, group = by_group(seed, 40, 15)
        for name, clusters in (("by group", group), ("as if independent", None)):
            errors = decision_errors(decisions, labels, clusters)
            far, frr = (
                Bounded(errors[one], *errors[f"{one}_interval"])  # type: ignore[arg-type, misc]
                for one in ("far", "frr")
            )
            found = predictive_value(frr.complement, far, 0.2)
            covered[name] += found.low <= true <= found.high
    assert covered["by group"] / 400 > 0.91
    assert covered["by group"] > covered["as if independent"] + 40


def test_none_found_or_none_wrong_leaves_a_wide_interval() -> None:
    none_wrong = measured(48, 0, 0.1)["ppv"]
    assert (none_wrong.value, none_wrong.high) == (1.0, 1.0)
    assert 0.5 < none_wrong.low < 0.95
    none_found = measured(0, 5, 0.1)["f1"]
    assert (none_found.value, none_found.low) == (0.0, 0.0)
    assert 0 < none_found.high < 0.5
    assert np.isnan(fraction(rate(0, 10), rate(0, 10)).value)  # none decided so
