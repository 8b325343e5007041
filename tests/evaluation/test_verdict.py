"""The verdict on a run, and its rates in the words of medicine, against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_score, recall_score

from imbclf.evaluation.decision_errors import decision_errors
from imbclf.evaluation.detection_rates import detection_rates, detection_table
from imbclf.evaluation.verdict import collapsed_folds, verdict


@pytest.mark.parametrize(
    ("interval", "better", "words"),
    [
        ((0.1, 0.2), True, "Better than guessing"),
        ((0.4, 0.55), False, "No evidence that this is better than guessing"),
        ((0.51, 0.7), False, "Worse than guessing"),
    ],
)
def test_an_interval_that_holds_one_half_is_no_evidence(
    interval: tuple[float, float], better: bool, words: str
) -> None:
    found = verdict(sum(interval) / 2, interval)
    assert found.better is better
    assert found.sentence.startswith(words)
    assert bool(found.advice) is not better


def test_a_network_that_says_the_same_of_all_images_has_collapsed() -> None:
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(0, 1e-8, 50), rng.normal(0, 1, 50)])
    folds = collapsed_folds(scores, np.repeat([0, 1], 50))
    assert folds == [0]
    found = verdict(0.3, (0.25, 0.35), folds)
    assert not found.better
    assert found.sentence.startswith("Collapsed: the network of fold 0 gives all images")


@pytest.mark.parametrize("positive", [0, 1])
def test_detection_rates_are_those_of_scikit_learn(positive: int) -> None:
    rng = np.random.default_rng(1)
    labels = (rng.random(400) < 0.2).astype(np.int64)
    decisions = np.where(rng.random(400) < 0.8, labels, 1 - labels)
    report = {
        **decision_errors(decisions, labels),
        "class_counts": np.bincount(labels).tolist(),
    }
    rates = detection_rates(report, positive)
    assert rates["sensitivity"] == pytest.approx(
        recall_score(labels, decisions, pos_label=positive)
    )
    assert rates["specificity"] == pytest.approx(
        recall_score(labels, decisions, pos_label=1 - positive)
    )
    assert rates["ppv"] == pytest.approx(precision_score(labels, decisions, pos_label=positive))
    assert rates["npv"] == pytest.approx(precision_score(labels, decisions, pos_label=1 - positive))
    assert rates["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, decisions))
    assert rates["precision"] == rates["ppv"]
    assert rates["recall"] == rates["sensitivity"]
    assert rates["f1"] == pytest.approx(f1_score(labels, decisions, pos_label=positive))
    # At another prevalence: as if each image of the label stood for more or fewer.
    share = rates["share"]
    assert share == (labels == positive).mean()
    stated = detection_rates(report, positive, prevalence=0.01)
    weights = np.where(labels == positive, 0.01 / share, 0.99 / (1 - share))
    for name, label in (("ppv", positive), ("npv", 1 - positive)):
        own = precision_score(labels, decisions, pos_label=label, sample_weight=weights)
        assert stated[name] == pytest.approx(own)
    assert (stated["precision"], stated["f1"]) == (rates["precision"], rates["f1"])
    shown = detection_table(stated, ("bad", "good"))
    assert f"finding {('bad', 'good')[positive]}" in shown
    assert "PPV, at a prevalence of 1.00%" in shown
    assert f"{stated['f1']:.4f}" in shown
    names = ("sensitivity", "specificity", "balanced_accuracy", "precision", "ppv", "npv", "f1")
    for name in names:
        low, high = rates[f"{name}_interval"]
        assert low <= rates[name] <= high
