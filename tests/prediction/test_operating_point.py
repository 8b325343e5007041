import re
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from helpers.gaussians import draw
from helpers.simulated_ensembles import LEARNERS, SimulatedEnsemble, simulate
from imbclf.errors import UserError
from imbclf.evaluation.cross_fitting import cross_fitted_scores
from imbclf.metrics.expected_performance import DevAndTest
from imbclf.prediction.aims import aimed_rate
from imbclf.prediction.decision_options import DecisionOptions
from imbclf.prediction.operating_point import choose_operating_point

AIMS = {
    "min_sensitivity": 0.8,
    "min_specificity": 0.8,
    "min_precision": 0.6,
    "max_alarms_per_1000": 200,
}
DRAWS = 40


def images(seed: int = 0) -> dict[str, Any]:
    scores, labels = draw(seed)  # 144 of label 0, 1056 of label 1
    return {"score": scores, "label": labels}


def mirrored(oof: dict[str, Any]) -> dict[str, Any]:
    return {"score": -oof["score"], "label": 1 - oof["label"]}


@pytest.mark.parametrize("confidence", [None, 0.95])
def test_sensitivity_and_specificity_are_the_rates_of_the_rarer_label(
    confidence: float | None,
) -> None:
    for oof, of_sensitivity, of_specificity in (
        (images(), "max_far", "max_frr"),  # label 0 is the rarer
        (mirrored(images()), "max_frr", "max_far"),
    ):
        for aim, same in (("min_sensitivity", of_sensitivity), ("min_specificity", of_specificity)):
            one = choose_operating_point(aim, 0.8, oof, confidence)
            other = choose_operating_point(same, 0.2, oof, confidence)
            assert one.threshold == pytest.approx(other.threshold)
            assert (one.far, one.frr) == (other.far, other.frr)
            assert one.rate == pytest.approx(1 - other.rate)


@pytest.mark.parametrize("confidence", [None, 0.95])
@pytest.mark.parametrize("aim", AIMS)
def test_swapping_the_labels_swaps_the_decisions(aim: str, confidence: float | None) -> None:
    oof, other = images(), mirrored(images())
    one = choose_operating_point(aim, AIMS[aim], oof, confidence)
    swapped = choose_operating_point(aim, AIMS[aim], other, confidence)
    assert swapped.rate == pytest.approx(one.rate)
    assert ((oof["score"] >= one.threshold) == (other["score"] < swapped.threshold)).all()
    sign = 1 if aim.startswith("max") else -1
    assert sign * one.rate <= sign * AIMS[aim] + 1e-9


@pytest.mark.parametrize("prior", [None, 0.5])
@pytest.mark.parametrize("aim", ["min_precision", "max_alarms_per_1000"])
def test_precision_and_alarms_are_met_at_the_least_price(aim: str, prior: float | None) -> None:
    oof = mirrored(images())
    value = AIMS[aim] if prior is None else {"min_precision": 0.9}.get(aim, 450)
    found = choose_operating_point(aim, value, oof, None, prior)
    share = oof["label"].mean() if prior is None else prior
    best = 1.0
    for threshold in oof["score"]:
        far = (oof["score"][oof["label"] == 0] >= threshold).mean()
        frr = (oof["score"][oof["label"] == 1] < threshold).mean()
        rate = aimed_rate(aim, far, frr, 1, share)
        if rate <= value + 1e-9 if aim.startswith("max") else rate >= value - 1e-9:
            best = min(best, frr)
    assert found.frr == pytest.approx(best)


def test_what_a_bound_costs_is_said() -> None:
    point = choose_operating_point("max_far", 0.1, images(), 0.95)
    plain = choose_operating_point("max_far", 0.1, images(), None)
    assert point.threshold > plain.threshold
    assert (point.plain_far, point.plain_frr) == (plain.far, plain.frr)
    assert "FAR at most 0.1 on new images with confidence 0.95" in str(point)
    assert f"FRR {point.frr:.4f} (max_far=0.1)" in str(point)
    assert f"for which FRR is {point.frr:.4f} instead of {plain.frr:.4f}" in str(point)
    assert "new images may not keep to it" in str(plain)


def test_an_aim_is_told_in_its_own_words() -> None:
    """Label 0 is the rarer one: finding it is what sensitivity means."""
    oof = images()
    point = choose_operating_point("min_sensitivity", 0.8, oof, 0.95)
    plain = choose_operating_point("min_sensitivity", 0.8, oof, None)
    rates = f"sensitivity {1 - point.far:.4f}, specificity {1 - point.frr:.4f}"
    assert rates in str(point)
    assert f"for which specificity is {1 - point.frr:.4f} instead of {1 - plain.frr:.4f}" in str(
        point
    )
    alarms = choose_operating_point("max_alarms_per_1000", 300, oof, 0.95)
    assert f"alarms per 1,000 images {alarms.rate:.4g} out of fold, at most 300" in str(alarms)


@pytest.mark.parametrize(
    ("aim", "value", "message"),
    [
        ("max_far", 0.01, "takes at least 299 images of label 0, there are 144"),
        ("min_sensitivity", 0.99, "takes at least 299 images of label 0, there are 144"),
        ("max_frr", 0.002, "takes at least 1,497 images of label 1, there are 1,056"),
        ("min_specificity", 0.998, "takes at least 1,497 images of label 1, there are 1,056"),
        ("max_far", 0.0, "no number of images can vouch for none at all"),
        ("min_precision", 0.999, "these images are enough for min_precision=0.7"),
        ("max_alarms_per_1000", 1, "these images are enough for max_alarms_per_1000="),
        ("max_far", 1.5, "max_far=1.5: expected a share"),
        ("max_alarms_per_1000", -1, "max_alarms_per_1000=-1: expected images"),
    ],
)
def test_what_cannot_be_had_is_refused(aim: str, value: float, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        choose_operating_point(aim, value, images(), 0.95)


@pytest.mark.parametrize("of_groups", [None, 4])
@pytest.mark.parametrize(
    ("aim", "value"),
    [
        ("max_far", 0.001),
        ("max_frr", 0.001),
        ("min_sensitivity", 0.999),
        ("min_specificity", 0.999),
        ("max_alarms_per_1000", 1),
        ("min_precision", 0.999),
    ],
)
def test_the_aim_that_a_refusal_names_can_be_had_and_no_better_one(
    aim: str, value: float, of_groups: int | None
) -> None:
    oof = images()
    if of_groups is not None:
        oof["group"] = np.arange(len(oof["label"])) // of_groups
    with pytest.raises(UserError) as refusal:
        choose_operating_point(aim, value, oof, 0.95)
    named = re.search(rf"enough for {aim}=([\d.]+)[;,]", str(refusal.value))
    assert named is not None
    best = float(named[1])
    point = choose_operating_point(aim, best, oof, 0.95)
    if priced := re.search(
        r"with ([\d.]+)% of the other label decided wrongly", str(refusal.value)
    ):
        price = point.frr if (aim in ("max_far", "min_sensitivity")) else point.far
        assert float(priced[1]) == pytest.approx(100 * price, abs=0.051)
    step = 1 if aim == "max_alarms_per_1000" else 0.002
    better = best - step if aim.startswith("max") else best + step
    with pytest.raises(UserError):
        choose_operating_point(aim, better, oof, 0.95)


def test_options_that_contradict_each_other_or_are_out_of_range_are_refused() -> None:
    with pytest.raises(UserError, match="max_far and min_sensitivity: expected one"):
        DecisionOptions(max_far=0.1, min_sensitivity=0.9)
    with pytest.raises(UserError, match=r"confidence=1\.5: expected a share"):
        DecisionOptions(max_far=0.1, confidence=1.5).threshold_on(images())
    with pytest.raises(UserError, match="confidence=high: expected a number"):
        DecisionOptions(confidence="high")  # type: ignore[arg-type]


def cross_fitted(ensemble: SimulatedEnsemble) -> np.ndarray:
    scores = np.empty(len(ensemble.labels))
    for number, fold in enumerate(ensemble.folds):
        logits, labels = ensemble.logits[:, number], ensemble.labels
        scored = DevAndTest(
            logits[fold.dev], labels[fold.dev], logits[fold.test], labels[fold.test]
        )
        scores[fold.test] = cross_fitted_scores(scored, "smoothed", seed=number)
    return scores


@pytest.mark.slow
@pytest.mark.parametrize("learner", LEARNERS)
def test_an_ensemble_exceeds_a_bound_no_more_often_than_it_may(learner: str) -> None:
    aims = (
        ("max_far", 0.05),
        ("max_frr", 0.1),
        ("min_precision", 0.5),
        ("max_alarms_per_1000", 100),
    )
    exceeded: dict[tuple[str, float | None], list[bool]] = {}
    for seed in range(DRAWS):
        ensemble = simulate(learner, 1000, 120, seed, new=30_000)
        oof = {"score": cross_fitted(ensemble), "label": ensemble.labels}
        new = (ensemble.new_logits - ensemble.numbers("threshold")).mean(axis=1)
        of_one = ensemble.new_labels == 1
        for aim, value in aims:
            for confidence in (0.95, None):
                try:
                    point = choose_operating_point(aim, value, oof, confidence)
                except UserError:
                    continue
                calls = new >= point.threshold
                rate = aimed_rate(aim, calls[~of_one].mean(), 1 - calls[of_one].mean(), 1, 0.12)
                missed = rate > value if aim.startswith("max") else rate < value
                exceeded.setdefault((aim, confidence), []).append(bool(missed))
    for (aim, confidence), each in exceeded.items():
        print(f"{learner:8} {aim:20} {confidence} {np.mean(each):.3f} of {len(each)}")
        if confidence is not None:
            assert sum(each) <= binom.ppf(0.99, len(each), 0.05)
