"""Learning curves of runs that differ by cv.fit_share: found, judged by simulation, shown."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from imbclf.data.fit_share import take_fit_share
from imbclf.data.splits import stratified_folds
from imbclf.errors import UserError
from imbclf.evaluation.finished_run import FinishedRun
from imbclf.evaluation.learning_curve import curve_sentence, find_learning_curve
from imbclf.metrics.error_rates import hter
from imbclf.reporting.html_page import Page
from imbclf.reporting.learning_curve_section import add_learning_curve
from imbclf.training.cross_validation import CrossValidation

LABELS = np.repeat([0, 1], [300, 1500])


def run(
    share: float | None, error: float, seed: int = 0, labels: np.ndarray = LABELS, **config: object
) -> FinishedRun:
    """Return a run that errs on a share of each label; on the same images as one of less error."""
    place = np.random.default_rng(9).permutation(len(labels))
    wrong = np.zeros(len(labels), bool)
    for label in (0, 1):
        own = np.flatnonzero(labels == label)
        wrong[own] = np.argsort(np.argsort(place[own])) < round(error * len(own))
    decisions = np.where(wrong, 1 - labels, labels)
    table = pd.DataFrame({"label": labels, "decision": decisions, "fold": 0, "score": decisions})
    oof = table.set_index(pd.Index([f"{row}.png" for row in range(len(labels))], name="file"))
    summary = {"class_counts": np.bincount(labels).tolist(), "label_names": ["bad", "good"]}
    name = f"{share} {seed}"
    return FinishedRun(name, summary, oof, {"seed": seed, "cv": {"fit_share": share}, **config})


def test_runs_that_differ_by_share_make_a_curve() -> None:
    runs = [run(1, 0.1), run(0.25, 0.2), run(0.5, 0.14), run(0.5, 0.16, seed=1)]
    curve = find_learning_curve(runs)
    assert curve is not None
    assert curve.shares.tolist() == [0.25, 0.5, 1]
    assert curve.hters == pytest.approx([0.2, 0.15, 0.1])
    assert ((curve.intervals[:, 0] < curve.hters) & (curve.hters < curve.intervals[:, 1])).all()
    assert curve.falls
    assert (np.diff(curve.expected) < 0).all()
    assert curve.expected[1] < 0.1
    assert (curve.expected_intervals[:, 0] < curve.expected).all()
    text = curve_sentence(curve)
    assert "300 more images of bad, and as many more of the other label in proportion" in text
    assert f"would bring it to about {curve.expected[1]:.4f}" in text
    page = Page("x")
    add_learning_curve(page, curve)
    html = page.html()
    assert html.count("extrapolated<") == 4
    # Without a share all images are fitted to.
    assert find_learning_curve([run(None, 0.1), *runs[1:]]) is not None


def test_other_runs_make_none_and_a_flat_curve_says_so() -> None:
    shares = [run(0.25, 0.2), run(0.5, 0.15)]
    assert find_learning_curve(shares) is None
    assert find_learning_curve([*shares, run(0.75, 0.1)]) is None  # none with all images
    assert find_learning_curve([*shares, run(1, 0.1, loss={"gamma": 2})]) is None
    flat = find_learning_curve([run(0.25, 0.1), run(0.5, 0.11), run(1, 0.1)])
    assert flat is not None
    assert "What more images would bring cannot be said" in curve_sentence(flat)
    page = Page("x")
    add_learning_curve(page, flat)
    assert "extrapolated" not in page.html()


def test_a_share_out_of_range_is_refused() -> None:
    for share in (0.0, 1.5):
        with pytest.raises(UserError, match=rf"cv\.fit_share={share}: expected a share above 0"):
            CrossValidation(fit_share=share)


def trained(seed: int, images: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and out-of-fold decisions of logistic regressions on a share."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], [images - images // 8, images // 8])
    features = rng.normal(size=(images, 20))
    features[:, 0] += 2.4 * labels
    decisions = np.zeros(images, np.int64)
    for fold in take_fit_share(stratified_folds(labels, 5, seed), labels, None, share, seed):
        model = LogisticRegression(C=0.3, class_weight="balanced")
        decisions[fold.test] = model.fit(features[fold.fit], labels[fold.fit]).predict(
            features[fold.test]
        )
    return labels, decisions


@pytest.mark.slow
def test_twice_the_images_come_to_what_was_expected() -> None:
    truth = np.mean([hter(*trained(900 + seed, 1600, 1)[::-1]) for seed in range(8)])
    held = []
    for seed in range(15):
        runs = []
        for share in (0.25, 0.5, 1.0):
            labels, decisions = trained(seed, 800, share)
            one = run(share, 0.1, labels=labels)
            oof = one.oof.assign(decision=decisions)
            runs.append(FinishedRun(one.name, one.summary, oof, one.config))
        curve = find_learning_curve(runs)
        assert curve is not None
        if curve.falls:
            low, high = curve.expected_intervals[1]
            held.append(low <= truth <= high)
    print(f"truth {truth:.4f}, held {np.mean(held):.2f} of {len(held)}")
    assert len(held) > 5
    assert np.mean(held) > 0.6
