"""Cross-fitted thresholds: who has a say in them, and what their error rate is that of."""

import numpy as np
import pytest
from sklearn import config_context

from imbclf.evaluation.cross_fitting import cross_fitted, cross_fitted_decisions, cut
from imbclf.evaluation.summary import summarize
from imbclf.metrics.expected_performance import DevAndTest
from imbclf.metrics.thresholds import choose_threshold
from simulated_runs import simulate_run

RNG = np.random.default_rng(0)


def drawn(dev: int = 60, test: int = 90) -> DevAndTest:
    dev_labels, test_labels = (np.arange(count) % 3 // 2 for count in (dev, test))
    return DevAndTest(
        RNG.normal(size=dev) + 2 * dev_labels,
        dev_labels,
        RNG.normal(size=test) + 2 * test_labels,
        test_labels,
    )


def test_no_image_has_a_say_in_its_own_threshold() -> None:
    scored = drawn()
    before = cross_fitted_decisions(scored, "min_hter", pieces=90)  # each image alone
    for row in range(0, 90, 9):
        rest = np.arange(90) != row
        threshold = choose_threshold(
            np.concatenate([scored.test_scores[rest], scored.dev_scores]),
            np.concatenate([scored.test_labels[rest], scored.dev_labels]),
            "min_hter",
        )
        assert before[row] == (scored.test_scores[row] >= threshold)
        flipped = scored.test_labels.copy()
        flipped[row] = 1 - flipped[row]
        other = DevAndTest(scored.dev_scores, scored.dev_labels, scored.test_scores, flipped)
        # Its label decides which piece it is in, so each image is again a piece of its own.
        assert cross_fitted_decisions(other, "min_hter", pieces=90)[row] == before[row]


def test_labels_are_dealt_evenly_and_groups_stay_together() -> None:
    labels = (np.arange(230) >= 23).astype(np.int64)
    piece = cut(labels, 10, seed=3)
    counts = np.bincount(2 * piece + labels).reshape(10, 2)
    assert counts.max(0).tolist() == [3, 21]
    assert counts.min(0).tolist() == [2, 20]
    groups = np.arange(230) // 4
    piece = cut(labels, 10, 0, groups)
    assert all(len({*piece[groups == group]}) == 1 for group in range(58))
    assert len({*piece[labels == 0]}) == 6
    assert (cut(labels, 10, 1) != cut(labels, 10, 2)).any()


def test_one_image_of_a_label_in_test_is_decided_by_dev_and_the_others() -> None:
    scored = drawn(dev=30, test=30)
    few = np.append(np.flatnonzero(scored.test_labels == 0), 2)
    one = DevAndTest(
        scored.dev_scores, scored.dev_labels, scored.test_scores[few], scored.test_labels[few]
    )
    assert len(cross_fitted_decisions(one, "smoothed")) == 21


def test_the_summary_has_it_beside_the_headline() -> None:
    run = simulate_run(30, 300, seed=0)
    plain = summarize(run.results, run.folds, run.labels, ("0", "1"))
    more = summarize(run.results, run.folds, run.labels, ("0", "1"), method="smoothed")
    fitted = more.pop("cross_fitted")
    assert more == plain
    assert fitted == cross_fitted(run.results, run.folds, run.labels, None, "smoothed")
    low, high = fitted["hter_interval"]
    assert low < fitted["hter"] == (fitted["far"] + fitted["frr"]) / 2 < high


@pytest.mark.slow
def test_it_is_nearer_to_thresholds_of_dev_and_test_than_the_headline_is() -> None:
    told: dict[str, list[float]] = {"headline": [], "cross_fitted": [], "truth": []}
    covered: dict[str, list[bool]] = {"headline": [], "cross_fitted": []}
    for seed in range(80):
        run = simulate_run(10, 1000, seed)
        truth = sum(run.true_rates(run.thresholds_of_dev_and_test())) / 2
        told["truth"].append(truth)
        with config_context(assume_finite=True, skip_parameter_validation=True):  # half of the time
            summary = summarize(run.results, run.folds, run.labels, ("0", "1"), method="smoothed")
        for name, errors in (("headline", summary), ("cross_fitted", summary["cross_fitted"])):
            low, high = errors["hter_interval"]
            told[name].append(errors["hter"])
            covered[name].append(low <= truth <= high)
    mean = {name: float(np.mean(values)) for name, values in told.items()}
    assert mean["truth"] < mean["cross_fitted"] < mean["headline"] - 0.03
    assert np.mean(covered["cross_fitted"]) > np.mean(covered["headline"]) + 0.05
