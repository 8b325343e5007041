"""Learning curves: loss and HTER on dev by epoch, a color for each fold."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from imbclf.evaluation.fold_files import Epochs
from imbclf.reporting.figure_style import add_legend, fold_colors, new_figure

FEW = 10  # epochs, up to which each is marked: a single point has no line


def draw_losses(epochs: Mapping[int, Epochs], chosen: Mapping[int, int]) -> Figure:
    """Draw train and dev loss against the epoch, a color per fold.

    Args:
        epochs: for each fold the metrics `train/loss` and `dev/loss` of its epochs.
        chosen: for each fold the index of the epoch that was chosen, from 0; it is marked.
    """
    figure, axes = new_figure("Epoch", "Loss (mean over images)", title="Loss by epoch")
    _draw_curves(axes, epochs, "train/loss", 1, "x--", {})
    _draw_curves(axes, epochs, "dev/loss", 1, ".-", chosen)
    _name_folds(axes, epochs, {"train": "x--", "dev": ".-"})
    return figure


def draw_dev_hter(epochs: Mapping[int, Epochs], chosen: Mapping[int, int]) -> Figure:
    """Draw the HTER on dev against the epoch, a color per fold.

    Args:
        epochs: for each fold the metric `dev/hter` of its epochs.
        chosen: for each fold the index of the epoch that was chosen, from 0; it is marked.

    >>> draw_dev_hter({0: [{"dev/hter": 0.2}]}, {0: 0}).axes[0].get_ylabel()
    'HTER on dev (%)'
    """
    figure, axes = new_figure("Epoch", "HTER on dev (%)", title="HTER on dev by epoch")
    _draw_curves(axes, epochs, "dev/hter", 100, ".-", chosen)
    _name_folds(axes, epochs, {})
    return figure


def _draw_curves(
    axes: Axes,
    epochs: Mapping[int, Epochs],
    key: str,
    scale: float,
    style: str,
    chosen: Mapping[int, int],
) -> None:
    """Draw `scale` times the metric `key` of each fold against the epoch, counted from 1."""
    for fold, color in fold_colors(epochs).items():
        values = scale * np.array([row[key] for row in epochs[fold]])
        numbers = np.arange(1, len(values) + 1)
        size = 6 if len(values) <= FEW else 0
        axes.plot(numbers, values, style, color=color, linewidth=1.2, markersize=size)
        if fold in chosen:
            x, y = chosen[fold] + 1, values[chosen[fold]]
            axes.scatter(x, y, s=40, facecolor=color, edgecolor="black", zorder=3)
    axes.set_xlim(0.5, max(map(len, epochs.values())) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))


def _name_folds(axes: Axes, epochs: Mapping[int, Epochs], styles: Mapping[str, str]) -> None:
    """Add the line styles, the marker of the chosen epoch and the folds to the legend."""
    for name, style in styles.items():
        axes.plot([], [], style, color="0.3", linewidth=1.2, label=name)
    axes.scatter([], [], s=40, facecolor="white", edgecolor="black", label="chosen")
    for fold, color in fold_colors(epochs).items():
        axes.plot([], [], color=color, label=f"fold {fold}")
    figure = axes.figure
    assert isinstance(figure, Figure)
    add_legend(figure, columns=4)
