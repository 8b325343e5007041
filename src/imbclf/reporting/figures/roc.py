"""The ROC curve."""

import numpy as np
from matplotlib.figure import Figure

from imbclf.reporting.figure_style import CHANCE, CURVE, POINT, add_legend, as_written, new_figure
from imbclf.reporting.figures.detection_curve import Scored, of_folds


def draw_roc(scored: Scored) -> Figure:
    """Draw sensitivity against 1 - specificity over all thresholds, and the operating point.

    Args:
        scored: the scores; the curve is the mean of the folds' curves.
    """
    x, y = scored.curve()
    name = as_written(scored.name)
    figure, axes = new_figure(
        "1 − specificity: false alarms (%)", f"Sensitivity: {name} found (%)", title="ROC curve"
    )
    area = float(np.trapezoid(y, x))
    axes.plot(100 * x, 100 * y, CURVE, label=of_folds(f"models: AUROC {area:.4f}", scored))
    axes.plot([0, 100], [0, 100], color=CHANCE, linestyle=":", label="chance: AUROC 0.5")
    found, alarms = scored.sensitivity, scored.false_alarms
    label = f"chosen: sensitivity {found:.1%}, specificity {1 - alarms:.1%}"
    axes.plot(100 * alarms, 100 * found, "o", color=POINT, clip_on=False, label=label)
    axes.set(xlim=(-1, 101), ylim=(-1, 101), aspect="equal")
    add_legend(figure)
    return figure
