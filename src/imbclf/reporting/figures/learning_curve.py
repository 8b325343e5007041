"""The learning curve: HTER by the number of images, and where a power law leads."""

import numpy as np
from matplotlib.figure import Figure

from imbclf.evaluation.learning_curve import LearningCurve, minority_of
from imbclf.reporting.figure_style import CURVE, POINT, add_legend, as_written, new_figure


def draw_learning_curve(curve: LearningCurve) -> Figure:
    """Draw the HTERs that were measured, with the fitted power law and its interval beyond."""
    rare = minority_of(curve)
    count, name = curve.images[rare], as_written(curve.label_names[rare])
    figure, axes = new_figure(
        f"Images of {name} in the data set, the others in proportion",
        "HTER (%)",
        title="Learning curve",
    )
    measured = count * curve.shares
    low, high = 100 * curve.intervals.T
    hters = 100 * curve.hters
    axes.errorbar(
        measured,
        hters,
        np.stack([hters - low, high - hters]),
        fmt="o",
        color=POINT,
        label="measured, 95 % interval",
    )
    if curve.falls:
        times = np.geomspace(curve.shares[0], curve.times[-1], 100)
        axes.plot(count * times, 100 * curve.law.at(times), color=CURVE, label="power law")
        beyond = np.concatenate([curve.shares[-1:], curve.times])
        ends = np.concatenate([curve.intervals[-1:], curve.expected_intervals])
        axes.fill_between(
            count * beyond,
            *(100 * ends.T),
            color=CURVE,
            alpha=0.2,
            linewidth=0,
            label="extrapolation, 95 % interval",
        )
    axes.set_xscale("log", base=2)
    ticks = count * np.concatenate([curve.shares, curve.times[[1, 3]]])
    axes.set_xticks(ticks, [f"{tick:.0f}" for tick in ticks])
    axes.minorticks_off()
    axes.set(ylim=(0, None))
    add_legend(figure)
    return figure
