"""The precision-recall curve."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from imbclf.reporting.figure_style import CHANCE, CURVE, POINT, add_legend, as_written, new_figure
from imbclf.reporting.figures.detection_curve import Scored, of_folds


def draw_precision_recall(scored: Scored, average_precision: float | None = None) -> Figure:
    """Draw precision against recall over all thresholds, and the operating point.

    Precision follows from the mean ROC curve of the folds and the share of the positive label in
    all images, so that folds with few images of it do not move the curve.

    Args:
        scored: the scores.
        average_precision: of the positive label, for the legend.
    """
    recall, precision = precision_curve(scored)
    name = as_written(scored.name)
    figure, axes = new_figure(
        f"Recall (sensitivity): {name} found (%)",
        f"Precision (PPV): {name} among decided so (%)",
        title="Precision-recall curve",
    )
    area = "" if average_precision is None else f": average precision {average_precision:.4f}"
    axes.plot(100 * recall, 100 * precision, CURVE, label=of_folds(f"models{area}", scored))
    share = scored.prevalence
    label = f"chance: {share:.1%} of the images are {name}"
    axes.plot([0, 100], [100 * share] * 2, color=CHANCE, linestyle=":", label=label)
    found, alarms = scored.sensitivity, scored.false_alarms
    if found + alarms > 0:
        right = float(_precision(found, alarms, share))
        label = f"chosen: recall {found:.1%}, precision {right:.1%}"
        axes.plot(100 * found, 100 * right, "o", color=POINT, clip_on=False, label=label)
    axes.set(xlim=(-1, 101), ylim=(-1, 101), aspect="equal")
    add_legend(figure)
    return figure


def precision_curve(scored: Scored) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return recall `[P]`, ascending from above 0, and precision `[P]`."""
    false_alarms, recall = scored.curve()
    found = recall > 0
    return recall[found], _precision(recall[found], false_alarms[found], scored.prevalence)


def _precision(found: ArrayLike, false_alarms: ArrayLike, share: float) -> NDArray[np.float64]:
    right, wrong = np.multiply(found, share), np.multiply(false_alarms, 1 - share)
    return np.asarray(right / (right + wrong))
