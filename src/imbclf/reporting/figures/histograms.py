"""Histograms of the scores of both labels."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from imbclf.reporting.figure_style import LABELS, POINT, add_legend, as_written, new_figure
from imbclf.reporting.figures.score_axis import SCORE, score_range

BINS = 60


def draw_histograms(
    scores: NDArray[np.float64], labels: NDArray[np.int64], names: tuple[str, str]
) -> Figure:
    """Draw the histogram of the scores of each class, as shares of that class.

    Args:
        scores: `[N]`, minus the threshold; those beyond the axes are drawn at their edge.
        labels: `[N]`, 0 or 1.
        names: how the user spells the two labels.
    """
    figure, axes = new_figure(SCORE, "Share of the label's images (%)", title="Scores")
    low, high = score_range(scores)
    edges = np.linspace(low, high, BINS + 1)
    for label, color in enumerate(LABELS):
        own = scores[labels == label].clip(low, high)
        shares = 100 * np.histogram(own, edges)[0] / max(len(own), 1)
        name = f"label {as_written(names[label])} ({len(own):,} images)"
        axes.stairs(shares, edges, fill=True, alpha=0.35, color=color)
        axes.stairs(shares, edges, color=color, linewidth=1.2, label=name)
    decided = f"threshold: {as_written(names[1])} is decided to the right"
    axes.axvline(0, color=POINT, linewidth=1.5, linestyle=":", label=decided)
    axes.set(xlim=(low, high))
    add_legend(figure)
    return figure
