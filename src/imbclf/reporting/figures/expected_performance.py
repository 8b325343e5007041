"""The expected performance curve."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from imbclf.metrics.expected_performance import DevAndTest, expected_performance
from imbclf.reporting.figure_style import CURVE, POINT, add_legend, new_figure

COSTS = np.linspace(0, 1, 101)


def draw_expected_performance(folds: Sequence[DevAndTest], reported: float) -> Figure:
    """Draw the HTER on test against the cost by which thresholds are chosen on dev.

    Args:
        folds: the scores of each fold.
        reported: HTER of the thresholds that the run chose; it is marked at cost 1/2.
    """
    figure, axes = new_figure(
        "Cost c: thresholds with the least c FAR + (1 − c) FRR on dev",
        "HTER on test (%)",
        title="Expected performance curve",
    )
    axes.plot(COSTS, 100 * expected_performance(folds, COSTS), color=CURVE, label="EPC")
    label = f"as reported: {100 * reported:.1f} %"
    axes.plot(0.5, 100 * reported, "o", color=POINT, label=label)
    axes.set(xlim=(0, 1), ylim=(0, None))
    add_legend(figure, columns=2)
    return figure
