"""What the figures of a report show, against counting."""

import base64
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from imbclf.metrics.expected_performance import DevAndTest
from imbclf.metrics.thresholds import min_hter_threshold
from imbclf.reporting.figures.decision_curve import draw_decision_curve
from imbclf.reporting.figures.expected_performance import draw_expected_performance
from imbclf.reporting.figures.histograms import draw_histograms
from imbclf.reporting.figures.hter_by_threshold import draw_hter
from imbclf.reporting.figures.reliability import draw_reliability
from imbclf.reporting.html_page import Page

RANDOM = np.random.default_rng(0)
LABELS = (RANDOM.random(400) < 0.8).astype(np.int64)
SCORES = RANDOM.normal(size=400) + 3 * LABELS - 1.5
FOLDS = np.arange(400) % 3


def by_label(figure: Figure) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The lines of a figure, by the first word of their names."""
    return {
        str(drawn.get_label()).split(":")[0]: (
            np.asarray(drawn.get_xdata(), np.float64),
            np.asarray(drawn.get_ydata(), np.float64),
        )
        for drawn in figure.axes[0].lines
    }


def percents(threshold: float) -> tuple[float, float]:
    far = 100 * np.mean([score >= threshold for score in SCORES[LABELS == 0]])
    frr = 100 * np.mean([score < threshold for score in SCORES[LABELS == 1]])
    return float(far), float(frr)


def test_hter_against_the_threshold_with_the_chosen_one_and_the_oracle() -> None:
    drawn = by_label(draw_hter(SCORES, LABELS, FOLDS, 0.03))
    thresholds = drawn["FAR"][0]
    for place in range(0, len(thresholds), 40):
        far, frr = percents(thresholds[place])
        assert drawn["FAR"][1][place] == pytest.approx(far)
        assert drawn["FRR"][1][place] == pytest.approx(frr)
        assert drawn["HTER, pooled"][1][place] == pytest.approx((far + frr) / 2)
    (x,), (y,) = drawn["chosen on dev"]
    assert (x, y) == (0, pytest.approx(sum(percents(0)) / 2))
    assert drawn["oracle"][1] == pytest.approx([3.0, 3.0])
    assert "oracle" not in by_label(draw_hter(SCORES, LABELS, FOLDS, None))


def test_histograms_are_shares_of_their_own_class() -> None:
    figure = draw_histograms(SCORES, LABELS, ("few", "many"))
    shares = [patch.get_data().values for patch in figure.axes[0].patches]  # type: ignore[attr-defined]
    assert [total.sum() for total in shares] == pytest.approx([100] * 4)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[:2] == [
        f"label few ({sum(LABELS == 0)} images)",
        f"label many ({LABELS.sum()} images)",
    ]


def test_reliability_has_intervals_about_what_was_seen() -> None:
    probabilities = RANDOM.random(400)
    labels = (RANDOM.random(400) < probabilities).astype(np.int64)
    figure = draw_reliability(probabilities, labels, "many")
    points, _, (bars,) = figure.axes[0].containers[0]
    x, y = (np.asarray(values, np.float64) for values in points.get_data())
    assert len(x) == 15
    for place, segment in enumerate(bars.get_segments()):
        own = (probabilities >= place / 15) & (probabilities < (place + 1) / 15)
        assert x[place] == pytest.approx(100 * probabilities[own].mean())
        assert y[place] == pytest.approx(100 * labels[own].mean())
        assert segment[0, 1] <= y[place] <= segment[1, 1]
    assert figure.axes[0].get_xlabel() == "Predicted probability of many (%)"
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[0] == "perfect calibration"


def test_a_decision_curve_counts_what_acting_is_worth() -> None:
    chances = 1 / (1 + np.exp(-SCORES))
    drawn = by_label(draw_decision_curve(chances, LABELS == 1, "many"))
    thresholds, benefit = drawn["act by the models"]
    for place in (9, 49, 89):
        odds = thresholds[place] / (100 - thresholds[place])
        worth = [
            1.0 if label else -odds
            for chance, label in zip(chances, LABELS, strict=True)
            if chance >= thresholds[place] / 100
        ]
        assert benefit[place] == pytest.approx(100 * sum(worth) / len(LABELS))
    assert drawn["act on every image"][1][49] == pytest.approx(100 * (2 * LABELS.mean() - 1))


def test_expected_performance_marks_what_is_reported() -> None:
    fold = DevAndTest(SCORES[:200], LABELS[:200], SCORES[200:], LABELS[200:])
    drawn = by_label(draw_expected_performance([fold], 0.07))
    assert [float(values[0]) for values in drawn["as reported"]] == pytest.approx([0.5, 7.0])
    costs, curve = drawn["EPC"]
    threshold = min_hter_threshold(fold.dev_scores, fold.dev_labels)
    decisions = (fold.test_scores >= threshold).astype(np.int64)
    errors = [np.mean(decisions[fold.test_labels == label] != label) for label in (0, 1)]
    assert curve[costs == 0.5] == pytest.approx(50 * sum(errors))


@pytest.mark.parametrize("constant", [0.0, 5.0, -1e6])
def test_scores_that_are_all_the_same_can_be_drawn(constant: float) -> None:
    scores = np.full(400, constant)
    for figure in (
        draw_hter(scores, LABELS, FOLDS, 0.5),
        draw_histograms(scores, LABELS, ("0", "1")),
    ):
        figure.canvas.draw()


@pytest.mark.parametrize("name", ["$", r"5 $ or $_{\frac$", r"a \$ b", "好的", "नमस्ते <b> & ü"])
def test_names_of_labels_are_shown_as_they_are_written(name: str) -> None:
    """Neither as mathematics nor as boxes, and without a warning, which would fail this test."""
    page = Page("Report")
    figures = (
        draw_histograms(SCORES, LABELS, (name, name)),
        draw_reliability(1 / (1 + np.exp(-SCORES)), LABELS, name),
    )
    page.figures([(figure, "", "") for figure in figures])
    texts = [
        element.text or ""
        for source in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", page.html())
        for element in ElementTree.fromstring(base64.b64decode(source)).iter()
        if element.tag.endswith("}text")
    ]
    for told in (f"label {name} (", f"threshold: {name} is", f"of {name} (%)", f"are {name} (%)"):
        assert any(told in text for text in texts), told
