"""The risk-coverage curve: errors of the images that are decided, by how many are referred."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from imbclf.metrics.risk_coverage import risk_coverage
from imbclf.reporting.figure_style import CURVE, LABELS, POINT, add_legend, as_written, new_figure

MOST = 50  # per cent referred that are drawn


def draw_risk_coverage(
    scores: NDArray[np.float64],
    labels: NDArray[np.int64],
    names: tuple[str, str] = ("label 0", "label 1"),
) -> Figure:
    """Draw FAR, FRR and HTER of the decided images against the share of images referred.

    Args:
        scores: `[N]`, minus the chosen threshold.
        labels: `[N]`, 0 or 1.
        names: how the user spells the two labels.
    """
    figure, axes = new_figure(
        "Images referred to a person, the most doubtful first (%)",
        "Error rate of the others (%)",
        title="Risk and coverage",
    )
    curve = risk_coverage(scores, labels)
    shown = 100 * curve.referred <= MOST
    zero, one = map(as_written, names)
    rates = (
        (curve.far, f"FAR: {zero} taken for {one}", "--", LABELS[0], 1.2),
        (curve.frr, f"FRR: {one} taken for {zero}", "-.", LABELS[1], 1.2),
        (curve.hter, "HTER", "-", CURVE, 1.5),
    )
    for values, label, style, color, width in rates:
        axes.plot(
            100 * curve.referred[shown],
            100 * values[shown],
            style,
            color=color,
            linewidth=width,
            label=label,
        )
    axes.plot(
        0, 100 * curve.hter[0], "o", color=POINT, label=f"none: HTER {100 * curve.hter[0]:.1f} %"
    )
    axes.set(xlim=(-1, MOST), ylim=(0, None))
    add_legend(figure)
    return figure
