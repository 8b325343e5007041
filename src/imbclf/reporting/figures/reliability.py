"""The reliability diagram."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from imbclf.metrics.intervals import wilson_interval
from imbclf.metrics.reliability import brier_score, calibration_error, reliability_diagram
from imbclf.reporting.figure_style import CHANCE, CURVE, add_legend, as_written, new_figure


def draw_reliability(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], name: str
) -> Figure:
    """Draw observed shares of label 1 against predicted ones, with 95 % intervals.

    Args:
        probabilities: `[N]`, of label 1.
        labels: `[N]`, 0 or 1.
        name: how the user spells label 1.
    """
    one = as_written(name)
    x, y = f"Predicted probability of {one} (%)", f"Share of images that are {one} (%)"
    figure, axes = new_figure(x, y, title="Reliability of probabilities")
    diagram = reliability_diagram(probabilities, labels)
    axes.plot([0, 100], [0, 100], color=CHANCE, linestyle=":", label="perfect calibration")
    pairs = zip(diagram.observed.tolist(), diagram.counts.tolist(), strict=True)
    bounds = np.array([wilson_interval(rate, count) for rate, count in pairs])
    reach = np.abs(bounds - diagram.observed[:, None]).T
    quality = (
        f"Brier score {brier_score(probabilities, labels):.4f}, "
        f"calibration error {calibration_error(probabilities, labels):.4f}"
    )
    axes.errorbar(
        100 * diagram.predicted,
        100 * diagram.observed,
        100 * reach,
        fmt="o-",
        color=CURVE,
        linewidth=1.2,
        markersize=4,
        capsize=2,
        label=quality,
    )
    axes.set(xlim=(-1, 101), ylim=(-1, 101), aspect="equal")
    add_legend(figure)
    return figure
