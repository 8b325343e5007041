"""A study as a table for the terminal, a CSV file and a page."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from optuna.trial import FrozenTrial, TrialState

from imbclf.reporting.figure_style import COLORS, as_written, new_figure
from imbclf.reporting.html_page import Cell, Page
from imbclf.tuning.importance import last_value
from imbclf.tuning.options import TuneOptions
from imbclf.tuning.study import ERROR
from imbclf.tuning.trials import AUROC, HTER, outcome, steps_done
from imbclf.utils.tables import write_table

NAMES = {"auroc": "AUROC", "hter": "HTER", "average_precision_minority": "Average precision"}


def ordered(trials: Sequence[FrozenTrial], direction: str) -> list[FrozenTrial]:
    """Return completed trials before pruned ones, those pruned later first, then the best first."""
    sign = -1 if direction == "maximize" else 1

    def key(trial: FrozenTrial) -> tuple[bool, int, float, int]:
        value = last_value(trial)
        whole = trial.state is TrialState.COMPLETE
        worst = math.inf if math.isnan(value) else sign * value
        return not whole, 0 if whole else -steps_done(trial), worst, trial.number

    return sorted(trials, key=key)


def parameter_names(trials: Sequence[FrozenTrial]) -> list[str]:
    """Return the names of all parameters of all trials, in the order of their appearance."""
    return list(dict.fromkeys(name for trial in trials for name in trial.params))


def settings(params: Mapping[str, Any]) -> str:
    """Return parameters in one line.

    >>> settings({"loss": "focal", "optim.lr": 0.0012345678, "optim.ema": None})
    'loss=focal optim.lr=0.001235 optim.ema=null'
    """
    return " ".join(f"{name}={_shown(value)}" for name, value in params.items())


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "null" if value is None else str(value)


def table(trials: Sequence[FrozenTrial], options: TuneOptions, steps: int, longest: int) -> str:
    """Return the best trials as lines for the terminal."""
    lines = [f"trial  {NAMES[options.metric]:26} dev HTER  seconds  parameters"]
    for trial in ordered(trials, options.direction)[:longest]:
        hter = trial.user_attrs.get(HTER)
        shown = " " * 8 if hter is None else f"{hter:8.4f}"
        lines.append(
            f"{trial.number:5d}  {outcome(trial, steps):26} {shown} {_seconds(trial):8.1f}  "
            f"{settings(trial.params)}"
        )
    if len(trials) > longest:
        lines.append(f"       and {len(trials) - longest} more in trials.csv")
    return "\n".join(lines)


def write_trials(path: Path, trials: Sequence[FrozenTrial], options: TuneOptions) -> None:
    """Write `trials.csv`, a row for each trial, ordered as by `ordered`."""
    rows = ordered(trials, options.direction)
    columns: dict[str, list[Any]] = {
        "trial": [trial.number for trial in rows],
        "state": [trial.state.name.lower() for trial in rows],
        options.metric: [last_value(trial) for trial in rows],
        "epochs": [steps_done(trial) for trial in rows],
        "seconds": [_seconds(trial) for trial in rows],
        "dev_hter": [trial.user_attrs.get(HTER) for trial in rows],
        "dev_auroc": [trial.user_attrs.get(AUROC) for trial in rows],
        "error": [trial.user_attrs.get(ERROR, "") for trial in rows],
    }
    for name in parameter_names(rows):
        columns[name] = [trial.params.get(name) for trial in rows]
    write_table(path, columns)


def effort(trials: Sequence[FrozenTrial], steps: int) -> str:
    """Return what pruning saved; at least one trial must be completed."""
    pruned = sum(trial.state is TrialState.PRUNED for trial in trials)
    whole = [_seconds(trial) for trial in trials if trial.state is TrialState.COMPLETE]
    seconds, epochs = sum(map(_seconds, trials)), sum(map(steps_done, trials))
    return (
        f"{len(trials)} trials, {pruned} of them pruned, took {seconds:.0f} s and {epochs} epochs: "
        f"the time of {seconds * len(whole) / sum(whole):.1f} completed trials, the epochs of "
        f"{epochs / steps:.1f}."
    )


def facts(
    trials: Sequence[FrozenTrial], options: TuneOptions, steps: int, shares: Mapping[str, float]
) -> dict[str, Any]:
    """Return the numbers of a study for `tune.json`."""
    return {
        "study": options.name,
        "metric": options.metric,
        "trials": len(trials),
        "pruned": sum(trial.state is TrialState.PRUNED for trial in trials),
        "epochs": sum(map(steps_done, trials)),
        "epochs_of_a_trial": steps,
        "seconds": sum(map(_seconds, trials)),
        "importance": dict(shares),
    }


def page(
    trials: Sequence[FrozenTrial],
    options: TuneOptions,
    steps: int,
    shares: Mapping[str, float],
    findings: Sequence[str],
    command: str,
) -> Page:
    """Return the page.

    Args:
        trials: those that are counted.
        options: of the study.
        steps: epochs of a completed trial.
        shares: importance by parameter.
        findings: the results in sentences.
        command: the next command to run.
    """
    made = Page(f"Study {options.name}")
    for finding in findings:
        made.paragraph(finding)
    made.heading("Next")
    made.code(command)
    name = NAMES[options.metric]
    made.heading("Trials")
    history = (
        "Filled: completed trials. Hollow: pruned ones, at their last value. Line: the best "
        "completed trial so far."
    )
    curves = "Each trial's best epoch so far; pruned trials end early."
    figures = [
        (_history(trials, options), f"{name} of each trial. {history}", history),
        (_curves(trials, options), f"{name} on dev by epoch. {curves}", curves),
    ]
    if shares:
        caption = (
            "Share of each parameter in what separates good trials from bad ones (PED-ANOVA), by "
            "the last value of all trials, pruned ones included."
        )
        figures.append((_bars(shares), f"Importance of parameters. {caption}", caption))
    made.figures(figures)
    if not shares:
        made.paragraph(
            "Importance is shown from eight trials on, of parameters that eight trials have.",
            note=True,
        )
    names = parameter_names(trials)
    made.table(
        ["Trial", "State", name, "Epochs", "Seconds", "dev HTER", "dev AUROC", *names],
        [_row(trial, names) for trial in ordered(trials, options.direction)],
        f"{name}: mean over dev parts, of a pruned trial its last value. A completed trial has "
        f"{steps} epochs. A click on a column's head sorts.",
    )
    return made


def _row(trial: FrozenTrial, names: Sequence[str]) -> list[Cell]:
    own: list[Cell] = [trial.number, trial.state.name.lower(), last_value(trial)]
    own += [steps_done(trial), round(_seconds(trial))]
    own += [trial.user_attrs.get(HTER), trial.user_attrs.get(AUROC)]
    return own + [_shown(trial.params[name]) if name in trial.params else None for name in names]


def _seconds(trial: FrozenTrial) -> float:
    return 0.0 if trial.duration is None else trial.duration.total_seconds()


def _history(trials: Sequence[FrozenTrial], options: TuneOptions) -> Figure:
    figure, axes = new_figure("Trial", f"{NAMES[options.metric]} on dev")
    best: list[float] = []
    better = max if options.direction == "maximize" else min
    for trial in trials:
        value, whole = last_value(trial), trial.state is TrialState.COMPLETE
        face = COLORS[0] if whole else "white"
        axes.plot(trial.number, value, "o", color=COLORS[0], markerfacecolor=face)
        so_far = best[-1] if best else math.nan
        best.append(so_far if not whole else value if math.isnan(so_far) else better(so_far, value))
    axes.step([trial.number for trial in trials], best, color=COLORS[1], where="post")
    return figure


def _curves(trials: Sequence[FrozenTrial], options: TuneOptions) -> Figure:
    figure, axes = new_figure("Epoch", f"{NAMES[options.metric]} on dev")
    for trial in trials:
        whole = trial.state is TrialState.COMPLETE
        steps = sorted(trial.intermediate_values)
        values = [trial.intermediate_values[step] for step in steps]
        color = COLORS[0] if whole else "0.6"
        axes.plot(steps, values, ".-", color=color, linewidth=1, zorder=3 if whole else 2)
    return figure


def _bars(shares: Mapping[str, float]) -> Figure:
    figure, axes = new_figure("Share (%)", "", height=0.8 + 0.3 * len(shares))
    names = list(shares)[::-1]
    axes.barh([*map(as_written, names)], [100 * shares[name] for name in names], color=COLORS[0])
    return figure
