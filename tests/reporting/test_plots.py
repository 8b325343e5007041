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
from sklearn.metrics import det_curve, roc_auc_score, roc_curve

from imbclf.reporting.plots import draw_det, draw_dev_hter, draw_losses, draw_roc, save_figure

Scored = tuple[NDArray[np.float64], NDArray[np.int64], float, float]
Draw = Callable[[NDArray[np.float64], NDArray[np.int64], float, float], Figure]


@pytest.fixture
def scored() -> Scored:
    """Scores with ties, labels, and FAR and FRR at threshold 0 by counting."""
    random = np.random.default_rng(1)
    labels = (random.random(600) < 0.85).astype(np.int64)
    scores = np.round(random.normal(size=600) + 2 * labels - 1, 1)
    far = sum(score >= 0 for score in scores[labels == 0]) / sum(labels == 0)
    frr = sum(score < 0 for score in scores[labels == 1]) / sum(labels == 1)
    return scores, labels, float(far), float(frr)


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
            assert image.size == (720, 480)
            assert image.info["dpi"] == pytest.approx((120, 120), abs=0.1)
        assert path.stat().st_size < 200_000


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
    scores, labels, far, frr = scored
    figure = draw_roc(scores, labels, far, frr)
    false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
    assert points(*line(figure, 0)) == points(100 * false, 100 * true)
    assert [float(value[0]) for value in line(figure, 2)] == pytest.approx(
        [100 * far, 100 * (1 - frr)]
    )
    assert points(*line(figure, 2)) <= points(100 * false, 100 * true)
    assert legend(figure)[0] == f"AUROC {roc_auc_score(labels, scores):.4f}"


def test_det_agrees_with_scikit_learn(scored: Scored) -> None:
    scores, labels, far, frr = scored
    figure = draw_det(scores, labels, far, frr)
    false, missed, _ = det_curve(labels, scores)
    inside = (false > 0) & (missed > 0) & (false < 1) & (missed < 1)
    expected = points(norm.ppf(false[inside]), norm.ppf(missed[inside]))
    assert len(expected) > 10
    assert expected <= points(*line(figure, 0))
    assert line(figure, 2)[0] == pytest.approx(norm.ppf(far))
    assert line(figure, 2)[1] == pytest.approx(norm.ppf(frr))
    axes = figure.axes[0]
    ticks = {
        label.get_text(): place
        for place, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
    }
    assert ticks["20"] == pytest.approx(norm.ppf(0.2))


@pytest.mark.parametrize("draw", [draw_roc, draw_det])
def test_legend_names_hter_and_eer(draw: Draw, scored: Scored, tmp_path: Path) -> None:
    scores, labels, far, frr = scored
    figure = draw(scores, labels, far, frr)
    rates = [
        ((scores[labels == 0] >= t).mean(), (scores[labels == 1] < t).mean())
        for t in np.unique(scores)
    ]
    nearest = min(rates, key=lambda rate: abs(rate[0] - rate[1]))
    assert legend(figure)[1:] == [
        f"FAR = FRR: EER {50 * sum(nearest):.2f} %",
        f"operating point: HTER {50 * (far + frr):.2f} % "
        f"(FAR {100 * far:.2f} %, FRR {100 * frr:.2f} %)",
    ]
    save_figure(figure, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (720, 720)


@pytest.mark.parametrize("draw", [draw_roc, draw_det])
def test_operating_point_of_a_perfect_classifier_is_inside_the_frame(draw: Draw) -> None:
    figure = draw(np.array([-1.0, -0.5, 0.5, 1.0]), np.array([0, 0, 1, 1]), 0.0, 0.0)
    (x,), (y,) = line(figure, 2)
    (left, right), (low, high) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
    assert left <= x <= right
    assert low <= y <= high


@pytest.mark.parametrize("draw", [draw_roc, draw_det])
def test_nan_scores_are_refused(draw: Draw) -> None:
    with pytest.raises(ValueError, match="not finite"):
        draw(np.array([np.nan, 1.0]), np.array([0, 1]), 0.0, 0.0)


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
        "from imbclf.reporting.plots import draw_roc, save_figure;"
        "figure = draw_roc(np.array([0., 1.]), np.array([0, 1]), 0, 0);"
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
