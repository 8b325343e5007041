"""The figures of a study: history, learning curves, importance."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from optuna.trial import FrozenTrial, TrialState

from imbclf.reporting.figure_style import CURVE, POINT, add_legend, as_written, new_figure
from imbclf.tuning.options import TuneOptions
from imbclf.tuning.outcome import last_value

NAMES = {"auroc": "AUROC", "hter": "HTER", "average_precision_minority": "Average precision"}


def draw_history(trials: Sequence[FrozenTrial], options: TuneOptions) -> Figure:
    """Plot the value of each trial, and the best completed one so far."""
    figure, axes = new_figure("Trial", f"{NAMES[options.metric]} on dev", title="Trials")
    best: list[float] = []
    better = max if options.direction == "maximize" else min
    for trial in trials:
        value, complete = last_value(trial), trial.state is TrialState.COMPLETE
        face = CURVE if complete else "white"
        axes.plot(trial.number, value, "o", color=CURVE, markerfacecolor=face)
        so_far = best[-1] if best else math.nan
        if complete:
            so_far = value if math.isnan(so_far) else better(so_far, value)
        best.append(so_far)
    numbers = [trial.number for trial in trials]
    axes.step(numbers, best, color=POINT, where="post", label="best completed so far")
    axes.plot([], [], "o", color=CURVE, label="completed")
    axes.plot([], [], "o", color=CURVE, markerfacecolor="white", label="pruned")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    add_legend(figure, columns=3)
    return figure


def draw_learning_curves(trials: Sequence[FrozenTrial], options: TuneOptions) -> Figure:
    """Plot the best value so far of each trial, by epoch."""
    figure, axes = new_figure("Epoch", f"{NAMES[options.metric]} on dev", title="Learning curves")
    for trial in trials:
        complete = trial.state is TrialState.COMPLETE
        steps = sorted(trial.intermediate_values)
        values = [trial.intermediate_values[step] for step in steps]
        color = CURVE if complete else "0.6"
        axes.plot(steps, values, ".-", color=color, linewidth=1, zorder=3 if complete else 2)
    axes.plot([], [], ".-", color=CURVE, label="completed")
    axes.plot([], [], ".-", color="0.6", label="pruned")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    add_legend(figure, columns=2)
    return figure


def draw_importance(shares: Mapping[str, float]) -> Figure:
    """Plot the importance of each parameter as bars."""
    figure, axes = new_figure("Share (%)", "", 1.2 + 0.3 * len(shares), "Importance of options")
    names = list(shares)[::-1]
    axes.barh([*map(as_written, names)], [100 * shares[name] for name in names], color=CURVE)
    return figure
