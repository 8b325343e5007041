"""The DET curve: both errors on normal deviate axes."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import norm

from imbclf.reporting.figure_style import CHANCE, CURVE, POINT, add_legend, as_written, new_figure
from imbclf.reporting.figures.detection_curve import Scored, of_folds

TICKS = np.array([0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8])


def draw_det(scored: Scored, eer: float | None = None) -> Figure:
    """Draw missed images against false alarms on normal deviate axes, and the operating point.

    Scores that are normal in both classes make a straight line. Rates outside the axes, .1 % to
    80 %, are not shown; an operating point outside is moved to their edge. Source: Martin et al.,
    "The DET curve in assessment of detection task performance", Eurospeech 1997.

    Args:
        scored: the scores; the curve is the mean of the folds' curves.
        eer: equal error rate, for the legend.
    """
    x, y = scored.curve()
    name = as_written(scored.name)
    figure, axes = new_figure(
        "False alarms, 1 − specificity (%)",
        f"{name} missed, 1 − sensitivity (%)",
        title="DET curve",
    )
    ticks = norm.ppf(TICKS)
    frame = ticks[0], ticks[-1]
    axes.plot(_deviates(x), _deviates(1 - y), CURVE, label=of_folds("models", scored))
    equal = "both errors equal" if eer is None else f"both errors equal: EER {eer:.1%}"
    axes.plot(frame, frame, color=CHANCE, linestyle=":", label=equal)
    missed, alarms = 1 - scored.sensitivity, scored.false_alarms
    point = _deviates(np.array([alarms, missed])).clip(*frame)
    label = f"chosen: {missed:.1%} missed, {alarms:.1%} false alarms"
    axes.plot(*point, "o", color=POINT, clip_on=False, label=label)
    percents = [f"{100 * tick:g}" for tick in TICKS]
    axes.set_xticks(ticks, percents, fontsize=8)
    axes.set_yticks(ticks, percents, fontsize=8)
    axes.set(xlim=frame, ylim=frame, aspect="equal")
    add_legend(figure)
    return figure


def _deviates(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return standard normal quantiles of rates; 0 and 1 become finite ones outside any axes."""
    return np.asarray(norm.ppf(rates.clip(1e-9, 1 - 1e-9)))
