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

from imbclf import plots
from imbclf.plots import plot_det, plot_learning_curves, plot_roc

Scored = tuple[NDArray[np.float64], NDArray[np.int64], float, float]
Plot = Callable[[NDArray[np.float64], NDArray[np.int64], float, float, Path], None]


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> dict[str, Figure]:
    """The figures that are written, by file name."""
    kept: dict[str, Figure] = {}
    save = plots._save

    def keep(figure: Figure, path: Path) -> Path:
        kept[path.name] = figure
        return save(figure, path)

    monkeypatch.setattr(plots, "_save", keep)
    return kept


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
def test_learning_curves_are_two_png_files(folds: int, epochs: int, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    rows = epochs_of(folds, epochs)
    written = plot_learning_curves(rows, dict.fromkeys(rows, epochs - 1), folder)
    assert written == [folder / "loss.png", folder / "hter.png"]
    assert sorted(folder.iterdir()) == sorted(written)
    for path in written:
        with Image.open(path) as image:
            assert image.format == "PNG"
            assert image.size == (720, 480)
            assert image.info["dpi"] == pytest.approx((120, 120), abs=0.1)
        assert path.stat().st_size < 200_000


def test_learning_curves_show_each_fold_against_the_epoch(
    tmp_path: Path, figures: dict[str, Figure]
) -> None:
    rows = epochs_of(2, 4)
    plot_learning_curves(rows, {0: 3, 1: 0}, tmp_path)
    loss, hter = figures["loss.png"], figures["hter.png"]
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


def test_chosen_epoch_is_marked_on_the_dev_curves(
    tmp_path: Path, figures: dict[str, Figure]
) -> None:
    rows = epochs_of(2, 4)
    plot_learning_curves(rows, {0: 3, 1: 0}, tmp_path)
    for name, key, scale in (("loss.png", "dev/loss", 1), ("hter.png", "dev/hter", 100)):
        marks = [mark.get_offsets() for mark in figures[name].axes[0].collections]
        assert np.asarray(marks[0]) == pytest.approx(np.array([[4, scale * rows[0][3][key]]]))
        assert np.asarray(marks[1]) == pytest.approx(np.array([[1, scale * rows[1][0][key]]]))


def test_roc_agrees_with_scikit_learn(
    scored: Scored, tmp_path: Path, figures: dict[str, Figure]
) -> None:
    scores, labels, far, frr = scored
    plot_roc(scores, labels, far, frr, tmp_path / "roc.png")
    figure = figures["roc.png"]
    false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
    assert points(*line(figure, 0)) == points(100 * false, 100 * true)
    assert [float(value[0]) for value in line(figure, 2)] == pytest.approx(
        [100 * far, 100 * (1 - frr)]
    )
    assert points(*line(figure, 2)) <= points(100 * false, 100 * true)
    assert legend(figure)[0] == f"AUROC {roc_auc_score(labels, scores):.4f}"


def test_det_agrees_with_scikit_learn(
    scored: Scored, tmp_path: Path, figures: dict[str, Figure]
) -> None:
    scores, labels, far, frr = scored
    plot_det(scores, labels, far, frr, tmp_path / "det.png")
    figure = figures["det.png"]
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


@pytest.mark.parametrize("plot", [plot_roc, plot_det])
def test_legend_names_hter_and_eer(
    plot: Plot, scored: Scored, tmp_path: Path, figures: dict[str, Figure]
) -> None:
    scores, labels, far, frr = scored
    plot(scores, labels, far, frr, tmp_path / "a.png")
    rates = [
        ((scores[labels == 0] >= t).mean(), (scores[labels == 1] < t).mean())
        for t in np.unique(scores)
    ]
    nearest = min(rates, key=lambda rate: abs(rate[0] - rate[1]))
    assert legend(figures["a.png"])[1:] == [
        f"FAR = FRR: EER {50 * sum(nearest):.2f} %",
        f"operating point: HTER {50 * (far + frr):.2f} % "
        f"(FAR {100 * far:.2f} %, FRR {100 * frr:.2f} %)",
    ]
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (720, 720)


@pytest.mark.parametrize("plot", [plot_roc, plot_det])
def test_operating_point_of_a_perfect_classifier_is_inside_the_frame(
    plot: Plot, tmp_path: Path, figures: dict[str, Figure]
) -> None:
    plot(np.array([-1.0, -0.5, 0.5, 1.0]), np.array([0, 0, 1, 1]), 0.0, 0.0, tmp_path / "a.png")
    figure = figures["a.png"]
    (x,), (y,) = line(figure, 2)
    (left, right), (low, high) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
    assert left <= x <= right
    assert low <= y <= high


@pytest.mark.parametrize("plot", [plot_roc, plot_det])
def test_nan_scores_are_refused_and_an_older_figure_stays(plot: Plot, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"older")
    with pytest.raises(ValueError, match="not finite"):
        plot(np.array([np.nan, 1.0]), np.array([0, 1]), 0.0, 0.0, path)
    assert path.read_bytes() == b"older"


def test_pyplot_stays_out_of_it(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, numpy as np; from imbclf.plots import plot_roc;"
        "plot_roc(np.array([0., 1.]), np.array([0, 1]), 0, 0, pathlib.Path(sys.argv[1]));"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "roc.png")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
