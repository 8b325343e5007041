"""The rule of labels, and the tables that cannot contradict it."""

import csv
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit

from helpers.ensembles import briefly_trained, write_predictor
from imbclf.data.header import Header
from imbclf.errors import UserError
from imbclf.prediction.answer_table import probability_columns
from imbclf.prediction.decision_options import DecisionOptions
from imbclf.prediction.export.verification import drawn_images
from imbclf.prediction.image_warnings import image_warnings
from imbclf.prediction.labeling_rule import LabelingRule, decision_margins
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.training_statistics import LEVELS, TrainingStatistics
from imbclf.utils.tables import write_table

SIDE = 32


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """Two fold models whose thresholds are not where their probabilities are one half."""
    folder = tmp_path_factory.mktemp("run")
    write_predictor(folder, partial(briefly_trained, "squeezenet1_1", SIDE), SIDE)
    return Predictor.load(folder)


def decided(predictor: Predictor, **options: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    chosen = DecisionOptions(**options)  # type: ignore[arg-type]
    images = drawn_images(300, (SIDE, SIDE), seed=3)
    threshold = chosen.threshold_on(None)
    answer = predictor.decide(images, chosen, threshold, None, "32-true", 100, progress=False)
    return answer.decisions, answer.probabilities, answer.scores


def test_the_more_probable_label_is_decided_if_asked_for(predictor: Predictor) -> None:
    by_score, probabilities, scores = decided(predictor)
    by_probability, same, _ = decided(predictor, decide="probability")
    assert same.tolist() == probabilities.tolist()
    assert by_score.tolist() == (scores >= 0).astype(int).tolist()
    assert by_probability.tolist() == (probabilities >= 0.5).astype(int).tolist()
    assert (by_score != by_probability).any()
    # Another prior moves the probabilities, and with them these labels.
    moved, own, _ = decided(predictor, decide="probability", prior=0.05)
    assert moved.tolist() == (own >= 0.5).astype(int).tolist()
    assert moved.sum() < by_probability.sum()


def test_the_probability_that_the_rule_names_is_that_at_the_threshold(
    predictor: Predictor,
) -> None:
    alone = replace(predictor, fold_models=predictor.fold_models[:1])
    for threshold in (0.0, 0.7):
        rule = alone.labeling_rule(DecisionOptions(threshold=threshold), threshold)
        # One fold model: score and probability order images alike, and cross together.
        _, probabilities, scores = decided(alone)
        near = np.argsort(np.abs(scores - threshold))[:2]
        slope = alone.fold_models[0].rule["slope"]
        there = expit(logit(probabilities[near]) - slope * (scores[near] - threshold))
        np.testing.assert_allclose(there, rule.probability_at_threshold, atol=1e-6)
        assert rule.exact
    # The rarer label is "bad", whose share was .2: the sentence is about it.
    assert f"P(bad) {1 - rule.probability_at_threshold:.2f}" in rule.sentence
    both = predictor.labeling_rule(DecisionOptions(), 0.0)
    by_hand = expit(np.mean([1.5 * 0.3 - 0.25, 2.5 * -0.2 - 0.25]))
    assert both.probability_at_threshold == pytest.approx(by_hand)
    assert "about" in both.sentence


def test_the_sentence_says_which_rule_decided() -> None:
    rule = LabelingRule("hter", 0.0, ("functional", "defective"), 1, 0.331, True)
    assert rule.sentence == (
        "label by the HTER threshold (defective where the score is >= 0), not by probability > .5; "
        "here that is P(defective) 0.33"
    )
    assert replace(rule, about=0).sentence.endswith("P(functional) 0.67")
    other = replace(rule, decide="probability")
    assert other.sentence.startswith("label by probability (defective where P(defective) is >= .5)")
    assert other.to_json()["threshold"] is None
    assert "score is >= 1.25" in replace(rule, threshold=1.25).sentence


def test_one_rule_is_asked_for() -> None:
    with pytest.raises(UserError, match=r"decide=maybe: expected hter or probability"):
        DecisionOptions(decide="maybe")  # type: ignore[arg-type]
    for other in ({"threshold": 0.2}, {"max_far": 0.1}, {"cost_ratio": 2.0}):
        with pytest.raises(UserError, match="decide=probability and"):
            DecisionOptions(decide="probability", **other)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "names",
    [
        ("0", "1"),
        ("a,b", 'c"d'),
        ("a b", "a_b"),
        ("Good", "good"),
        ("gesund", "kränklich"),
        ("é\t", "=1+1"),
    ],
)
def test_columns_of_any_label_are_two_plain_words(names: tuple[str, str], tmp_path: Path) -> None:
    zero, one = probability_columns(names)
    assert zero.lower() != one.lower()
    write_table(tmp_path / "t.csv", {zero: [0.25], one: [0.75]})
    head, row = list(csv.reader((tmp_path / "t.csv").read_text().splitlines()))
    assert (tmp_path / "t.csv").read_text().splitlines()[0].count('"') == 0
    assert (head, [*map(float, row)]) == ([zero, one], [0.25, 0.75])
    assert all(name.startswith("p_") and " " not in name for name in head)


def test_a_threshold_beyond_all_scores_decides_like_one_just_beyond_them() -> None:
    scores = np.array([-2.0, 0.5, 3.0])
    for threshold, expected in ((np.inf, [0, 0, 0]), (-np.inf, [1, 1, 1]), (0.5, [0, 1, 1])):
        margins = decision_margins(scores, scores, "hter", threshold)
        assert np.isfinite(margins).all()
        assert (margins >= 0).astype(int).tolist() == expected


def test_an_image_unlike_all_of_the_training_is_said_to_be() -> None:
    grays = np.linspace(0.3, 0.6, LEVELS)[:, None].repeat(6, 1)
    training = TrainingStatistics(500, (64, 64), (64, 64), {"PNG L": 500}, 500, grays, {}, {})
    rng = np.random.default_rng(0)
    usual = rng.choice([20, 200], (1, 8, 8, 3)).astype(np.uint8)
    dark = np.zeros((1, 8, 8, 3), np.uint8)
    pixels = np.concatenate([usual, usual, dark])
    known = Header("PNG", "L", 64, 64)
    found = image_warnings([known, Header("JPEG", "RGB", 32, 32), known], pixels, training)
    assert found[0] == ""
    assert found[1] == "size 32x32, in training 64x64; JPEG RGB, in training PNG L"
    assert found[2].startswith("mean of red 0.000, in training 0.300 to 0.600")
    assert image_warnings([None] * 3, pixels, training)[:2] == ["", ""]  # arrays have no header
    assert image_warnings([known] * 3, pixels, None) == ["", "", ""]
