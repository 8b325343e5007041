"""The decision curve: what decisions by the probability are worth."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from imbclf.metrics.net_benefit import net_benefit, net_benefit_of_all
from imbclf.reporting.figure_style import CHANCE, CURVE, add_legend, as_written, new_figure

THRESHOLDS = np.linspace(0.01, 0.99, 99)


def draw_decision_curve(
    probabilities: NDArray[np.float64], is_positive: NDArray[np.bool_], name: str
) -> Figure:
    """Draw the net benefit against the probability from which on one would act.

    Args:
        probabilities: `[N]`, of the positive label, calibrated.
        is_positive: `[N]`, whether the image has that label.
        name: how the user spells it.
    """
    one, share = as_written(name), float(is_positive.mean())
    figure, axes = new_figure(
        f"Act from this probability of {one} on (%)",
        "Net benefit (per 100 images)",
        title="Decision curve",
    )
    benefit = net_benefit(probabilities, is_positive, THRESHOLDS)
    percents = 100 * THRESHOLDS
    axes.plot(percents, 100 * benefit, CURVE, label="act by the models")
    everybody = 100 * net_benefit_of_all(share, THRESHOLDS)
    axes.plot(percents, everybody, color=CHANCE, linestyle=":", label="act on every image")
    axes.axhline(0, color=CHANCE, linestyle="--", label="act on no image")
    top = 100 * max(share, float(benefit.max()))
    axes.set(xlim=(0, 100), ylim=(-0.15 * top, 1.08 * top))
    add_legend(figure, columns=3)
    return figure
