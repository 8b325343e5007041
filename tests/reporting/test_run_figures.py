"""The figures that a run writes as files, against scikit-learn and by counting."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import norm
from sklearn.metrics import det_curve, precision_recall_curve, roc_auc_score, roc_curve

from imbclf.reporting.figures.det import draw_det
from imbclf.reporting.figures.detection_curve import Scored
from imbclf.reporting.figures.learning_curves import draw_dev_hter, draw_losses
from imbclf.reporting.figures.precision_recall import draw_precision_recall, precision_curve
from imbclf.reporting.figures.roc import draw_roc
from imbclf.reporting.figures.save import save_figure

Draw = Callable[[Scored], Figure]


def draw_scored(positive: int) -> Scored:
    """Scores with ties of one model, and the label that is to be found."""
    random = np.random.default_rng(1)
    labels = (random.random(600) < 0.85).astype(np.int64)
    scores = np.round(random.normal(size=600) + 2 * labels - 1, 1)
    scores[scores == 0] = 0.05  # where a threshold is met exactly, the two labels differ in >=
    return Scored(scores, labels, None, positive, "few $")


@pytest.fixture(params=[0, 1])
def scored(request: pytest.FixtureRequest) -> Scored:
    """The same, for either label."""
    return draw_scored(request.param)


def as_positive(scored: Scored) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return labels and scores of the label that is to be found, for scikit-learn."""
    sign = 1 if scored.positive else -1
    return (scored.labels == scored.positive).astype(np.int64), sign * scored.scores


def epochs_of(folds: int, epochs: int) -> dict[int, list[dict[str, float]]]:
    random = np.random.default_rng(0)
    keys = ("train/loss", "dev/loss", "dev/hter")
    return {
        fold: [
            {key: 1 / (epoch + 2) + 0.02 * random.random() for key in keys}
            for epoch in range(epochs)
        ]
        for fold in range(folds)
    }


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def points(x: NDArray[np.float64], y: NDArray[np.float64]) -> set[tuple[float, float]]:
    return set(zip(np.round(x, 9).tolist(), np.round(y, 9).tolist(), strict=True))


def line(figure: Figure, number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    drawn = figure.axes[0].lines[number]
    return np.asarray(drawn.get_xdata(), np.float64), np.asarray(drawn.get_ydata(), np.float64)


@pytest.mark.parametrize(("folds", "epochs"), [(1, 1), (1, 50), (5, 1), (5, 50), (12, 3)])
def test_learning_curves_become_png_files(folds: int, epochs: int, tmp_path: Path) -> None:
    rows = epochs_of(folds, epochs)
    for draw in (draw_losses, draw_dev_hter):
        path = tmp_path / "run" / "a.png"
        save_figure(draw(rows, dict.fromkeys(rows, epochs - 1)), path)
        with Image.open(path) as image:
            assert image.format == "PNG"
            assert image.size == (1440, 1267)
            assert image.info["dpi"] == pytest.approx((288, 288), abs=0.1)
        assert path.stat().st_size < 200_000
        assert b"<svg" in path.with_suffix(".svg").read_bytes()[:1000]


def test_learning_curves_show_each_fold_against_the_epoch() -> None:
    rows = epochs_of(2, 4)
    loss, hter = (draw(rows, {0: 3, 1: 0}) for draw in (draw_losses, draw_dev_hter))
    for number, (key, fold) in enumerate(
        [("train/loss", 0), ("train/loss", 1), ("dev/loss", 0), ("dev/loss", 1)]
    ):
        x, y = line(loss, number)
        assert x.tolist() == [1, 2, 3, 4]
        assert y.tolist() == [row[key] for row in rows[fold]]
    assert line(hter, 1)[1] == pytest.approx([100 * row["dev/hter"] for row in rows[1]])
    assert legend(loss) == ["train", "dev", "chosen", "fold 0", "fold 1"]
    assert legend(hter) == ["chosen", "fold 0", "fold 1"]
    assert loss.axes[0].get_xlabel() == "Epoch"
    assert hter.axes[0].get_ylabel() == "HTER on dev (%)"


def test_chosen_epoch_is_marked_on_the_dev_curves() -> None:
    rows = epochs_of(2, 4)
    for draw, key, scale in ((draw_losses, "dev/loss", 1), (draw_dev_hter, "dev/hter", 100)):
        axes = draw(rows, {0: 3, 1: 0}).axes[0]
        marks = [mark.get_offsets() for mark in axes.collections]
        assert np.asarray(marks[0]) == pytest.approx(np.array([[4, scale * rows[0][3][key]]]))
        assert np.asarray(marks[1]) == pytest.approx(np.array([[1, scale * rows[1][0][key]]]))


def test_roc_agrees_with_scikit_learn(scored: Scored) -> None:
    labels, scores = as_positive(scored)
    figure = draw_roc(scored)
    false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
    drawn = points(*line(figure, 0))  # of a vertical piece, its ends
    assert len(drawn) > 40
    assert drawn <= points(100 * false, 100 * true)
    assert legend(figure)[0] == f"models: AUROC {roc_auc_score(labels, scores):.4f}"
    assert points(*line(figure, 1)) == {(0.0, 0.0), (100.0, 100.0)}
    found, alarms = (np.mean(scores[labels == label] > 0) for label in (1, 0))
    assert [float(value[0]) for value in line(figure, 2)] == pytest.approx(
        [100 * alarms, 100 * found]
    )
    assert points(*line(figure, 2)) <= points(100 * false, 100 * true)
    expected = f"chosen: sensitivity {found:.1%}, specificity {1 - alarms:.1%}"
    assert legend(figure)[2] == expected


def test_precision_recall_agrees_with_scikit_learn(scored: Scored) -> None:
    labels, scores = as_positive(scored)
    precision, recall, _ = precision_recall_curve(labels, scores)
    found = points(*precision_curve(scored))
    assert len(found) > 40
    assert found <= points(recall, precision)
    figure = draw_precision_recall(scored, 0.5)
    right = np.mean(labels[scores > 0])
    assert float(line(figure, 2)[1][0]) == pytest.approx(100 * right)
    assert line(figure, 1)[1] == pytest.approx([100 * labels.mean()] * 2)
    assert legend(figure)[0] == "models: average precision 0.5000"


def test_det_agrees_with_scikit_learn(scored: Scored) -> None:
    labels, scores = as_positive(scored)
    figure = draw_det(scored)
    false, missed, _ = det_curve(labels, scores)
    inside = (false > 0) & (missed > 0) & (false < 1) & (missed < 1)
    expected = points(norm.ppf(false[inside]), norm.ppf(missed[inside]))
    drawn = points(*line(figure, 0))
    assert len(drawn & expected) > 30
    assert all(max(map(abs, point)) > 5 for point in drawn - expected)  # rates of 0 and 1
    assert line(figure, 2)[0] == pytest.approx(norm.ppf(np.mean(scores[labels == 0] > 0)))
    assert line(figure, 2)[1] == pytest.approx(norm.ppf(np.mean(scores[labels == 1] < 0)))
    axes = figure.axes[0]
    ticks = {
        label.get_text(): place
        for place, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
    }
    assert ticks["20"] == pytest.approx(norm.ppf(0.2))


def test_curves_of_folds_are_their_mean_whose_area_is_the_mean_auroc() -> None:
    one = draw_scored(1)
    fold_of = np.arange(len(one.labels)) % 3
    shifted = one.scores + 10.0 * fold_of  # the folds are on scales of their own
    figure = draw_roc(Scored(shifted, one.labels, fold_of))
    mean = np.mean(
        [roc_auc_score(one.labels[fold_of == k], shifted[fold_of == k]) for k in range(3)]
    )
    assert legend(figure)[0] == f"models: AUROC {mean:.4f}, mean of folds"


@pytest.mark.parametrize("draw", [draw_roc, draw_det, draw_precision_recall])
def test_a_perfect_classifier_is_inside_the_frame(draw: Draw) -> None:
    figure = draw(Scored(np.array([-1.0, -0.5, 0.5, 1.0]), np.array([0, 0, 1, 1])))
    (x,), (y,) = line(figure, 2)
    (left, right), (low, high) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
    assert left <= x <= right
    assert low <= y <= high
    assert figure.axes[0].get_title(loc="left")


def test_precision_of_no_decision_is_not_drawn() -> None:
    figure = draw_precision_recall(Scored(np.array([-1.0, -0.5]), np.array([0, 1])))
    assert len(figure.axes[0].lines) == 2


@pytest.mark.parametrize("draw", [draw_roc, draw_det, draw_precision_recall])
def test_nan_scores_are_refused(draw: Draw) -> None:
    with pytest.raises(ValueError, match="not finite"):
        draw(Scored(np.array([np.nan, 1.0]), np.array([0, 1])))


def test_a_figure_that_cannot_be_drawn_leaves_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"older")
    figure = Figure()
    figure.add_subplot().set_xlabel("$no such \\command$")
    with pytest.raises(ValueError, match="command"):
        save_figure(figure, path)
    assert path.read_bytes() == b"older"


def test_pyplot_stays_out_of_it(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, numpy as np;"
        "from imbclf.reporting.figures.detection_curve import Scored;"
        "from imbclf.reporting.figures.roc import draw_roc;"
        "from imbclf.reporting.figures.save import save_figure;"
        "figure = draw_roc(Scored(np.array([0., 1.]), np.array([0, 1])));"
        "save_figure(figure, pathlib.Path(sys.argv[1]));"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "roc.png")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
