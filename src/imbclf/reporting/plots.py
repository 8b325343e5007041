"""Figures of a run, for a PNG file or a page: learning curves, ROC and DET."""

from collections.abc import Mapping
from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy.stats import norm

from imbclf.evaluation.fold_files import Epochs
from imbclf.metrics.error_rates import equal_error_rate, error_curve
from imbclf.metrics.mean_curve import mean_curve
from imbclf.metrics.ranking import mean_over_models, rank_by_models
from imbclf.reporting.figure_style import COLORS, new_figure
from imbclf.utils.files import atomic_write

FEW = 10  # epochs, up to which each is marked: a single point has no line
DET_TICKS = np.array([0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8])


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, atomically."""
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png")


def draw_losses(epochs: Mapping[int, Epochs], chosen: Mapping[int, int]) -> Figure:
    """Draw train and dev loss against the epoch, a color per fold.

    Args:
        epochs: for each fold the metrics `train/loss` and `dev/loss` of its epochs.
        chosen: for each fold the index of the epoch that was chosen, from 0; it is marked.
    """
    figure, axes = new_figure("Epoch", "Loss (mean over images)")
    _draw_curves(axes, epochs, "train/loss", 1, "x--", {})
    _draw_curves(axes, epochs, "dev/loss", 1, ".-", chosen)
    _add_legend(axes, epochs, {"train": "x--", "dev": ".-"})
    return figure


def draw_dev_hter(epochs: Mapping[int, Epochs], chosen: Mapping[int, int]) -> Figure:
    """Draw the HTER on dev against the epoch, a color per fold.

    Args:
        epochs: for each fold the metric `dev/hter` of its epochs.
        chosen: for each fold the index of the epoch that was chosen, from 0; it is marked.

    >>> draw_dev_hter({0: [{"dev/hter": 0.2}]}, {0: 0}).axes[0].get_ylabel()
    'HTER on dev (%)'
    """
    figure, axes = new_figure("Epoch", "HTER on dev (%)")
    _draw_curves(axes, epochs, "dev/hter", 100, ".-", chosen)
    _add_legend(axes, epochs, {})
    return figure


def draw_roc(
    scores: NDArray[np.float64],
    labels: NDArray[np.int64],
    far: float,
    frr: float,
    fold_of: NDArray[np.int64] | None = None,
) -> Figure:
    """Draw 1 - FRR against FAR over all thresholds, and the operating point.

    Args:
        scores: `[N]`, higher for label 1.
        labels: `[N]`, 0 or 1.
        far: share of label 0 that is decided 1 at the operating point.
        frr: share of label 1 that is decided 0 at the operating point.
        fold_of: `[N]`, whose fold model gave the score; the curve is the mean of the folds' curves.
    """
    x, y, equal = _curve(scores, labels, fold_of)
    area = np.abs(np.trapezoid(1 - y, x))
    figure, axes = new_figure("FAR (%)", "1 − FRR (%)", height=6)
    axes.plot(100 * x, 100 * (1 - y), COLORS[0], label=f"AUROC {area:.4f}{_mean(fold_of)}")
    axes.plot([0, 100], [100, 0], "0.6", linestyle=":", label=equal)
    _draw_operating_point(axes, 100 * far, 100 * (1 - frr), far, frr)
    axes.set(xlim=(-1, 100), ylim=(0, 101), aspect="equal")
    figure.legend(loc="outside upper center", frameon=False)
    return figure


def draw_det(
    scores: NDArray[np.float64],
    labels: NDArray[np.int64],
    far: float,
    frr: float,
    fold_of: NDArray[np.int64] | None = None,
) -> Figure:
    """Draw FRR against FAR on normal deviate axes (Martin et al. 1997), and the operating point.

    Scores that are normal in both classes make a straight line. Rates outside the axes, .1 % to
    80 %, are not shown; an operating point outside is moved to their edge.

    Args:
        scores: `[N]`, higher for label 1.
        labels: `[N]`, 0 or 1.
        far: share of label 0 that is decided 1 at the operating point.
        frr: share of label 1 that is decided 0 at the operating point.
        fold_of: `[N]`, whose fold model gave the score; the curve is the mean of the folds' curves.
    """
    mean_far, mean_frr, equal = _curve(scores, labels, fold_of)
    ticks = norm.ppf(DET_TICKS)
    frame = ticks[0], ticks[-1]
    figure, axes = new_figure("FAR (%)", "FRR (%)", height=6)
    label = f"DET{_mean(fold_of)}"
    axes.plot(_deviates(mean_far), _deviates(mean_frr), COLORS[0], label=label)
    axes.plot(frame, frame, "0.6", linestyle=":", label=equal)
    x, y = _deviates(np.array([far, frr])).clip(*frame)
    _draw_operating_point(axes, x, y, far, frr)
    percents = [f"{100 * tick:g}" for tick in DET_TICKS]
    axes.set_xticks(ticks, percents)
    axes.set_yticks(ticks, percents)
    axes.set(xlim=frame, ylim=frame, aspect="equal")
    figure.legend(loc="outside upper center", frameon=False)
    return figure


def _deviates(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return standard normal quantiles of rates; 0 and 1 become finite ones outside any axes."""
    return np.asarray(norm.ppf(rates.clip(1e-9, 1 - 1e-9)))


def _curve(
    scores: NDArray[np.float64], labels: NDArray[np.int64], fold_of: NDArray[np.int64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """Return FAR and FRR of one curve, or of the mean of the folds' curves, and the EER as text."""
    if fold_of is None:
        curve = error_curve(scores, labels)
        far, frr, eer = curve.far, curve.frr, curve.eer
    else:
        ranked = rank_by_models(scores, labels, fold_of)
        far, frr = mean_curve(ranked)
        eer = mean_over_models(ranked, equal_error_rate)
    return far, frr, f"FAR = FRR: EER {100 * eer:.2f} %{_mean(fold_of)}"


def _mean(fold_of: NDArray[np.int64] | None) -> str:
    return "" if fold_of is None else ", mean of folds"


def _draw_operating_point(axes: Axes, x: float, y: float, far: float, frr: float) -> None:
    rates = f"HTER {50 * (far + frr):.2f} % (FAR {100 * far:.2f} %, FRR {100 * frr:.2f} %)"
    axes.plot(x, y, "o", color=COLORS[1], clip_on=False, label=f"operating point: {rates}")


def _colors(epochs: Mapping[int, Epochs]) -> dict[int, str]:
    return dict(zip(sorted(epochs), cycle(COLORS), strict=False))


def _draw_curves(
    axes: Axes,
    epochs: Mapping[int, Epochs],
    key: str,
    scale: float,
    style: str,
    chosen: Mapping[int, int],
) -> None:
    """Draw `scale` times the metric `key` of each fold against the epoch, counted from 1."""
    for fold, color in _colors(epochs).items():
        values = scale * np.array([row[key] for row in epochs[fold]])
        numbers = np.arange(1, len(values) + 1)
        size = 6 if len(values) <= FEW else 0
        axes.plot(numbers, values, style, color=color, linewidth=1.2, markersize=size)
        if fold in chosen:
            x, y = chosen[fold] + 1, values[chosen[fold]]
            axes.scatter(x, y, s=40, facecolor=color, edgecolor="black", zorder=3)
    axes.set_xlim(0.5, max(map(len, epochs.values())) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))


def _add_legend(axes: Axes, epochs: Mapping[int, Epochs], styles: Mapping[str, str]) -> None:
    """Add the line styles, the marker of the chosen epoch and the folds, outside the axes."""
    for name, style in styles.items():
        axes.plot([], [], style, color="0.3", linewidth=1.2, label=name)
    axes.scatter([], [], s=40, facecolor="white", edgecolor="black", label="chosen")
    for fold, color in _colors(epochs).items():
        axes.plot([], [], color=color, label=f"fold {fold}")
    axes.figure.legend(loc="outside right upper", frameon=False)
