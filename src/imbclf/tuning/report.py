"""A study as a table for the terminal, a CSV file and numbers for JSON."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from imbclf.tuning.figures import NAMES
from imbclf.tuning.options import TuneOptions
from imbclf.tuning.outcome import (
    AUROC,
    HTER,
    describe_outcome,
    last_value,
    seconds,
    steps_done,
)
from imbclf.tuning.study import ERROR
from imbclf.utils.tables import write_table
from imbclf.utils.text import text_table


def sort_trials(trials: Sequence[FrozenTrial], direction: str) -> list[FrozenTrial]:
    """Return completed trials before others, the last to be pruned first; then the best first."""
    sign = -1 if direction == "maximize" else 1

    def key(trial: FrozenTrial) -> tuple[bool, int, float, int]:
        value = last_value(trial)
        complete = trial.state is TrialState.COMPLETE
        worst = math.inf if math.isnan(value) else sign * value
        return not complete, 0 if complete else -steps_done(trial), worst, trial.number

    return sorted(trials, key=key)


def parameter_names(trials: Sequence[FrozenTrial]) -> list[str]:
    """Return the names of the parameters of all trials, in order of appearance."""
    return list(dict.fromkeys(name for trial in trials for name in trial.params))


def format_parameters(params: Mapping[str, Any]) -> str:
    """Return parameters on one line.

    >>> format_parameters({"loss": "focal", "optim.lr": 0.0012345678, "optim.ema": None})
    'loss=focal optim.lr=0.001235 optim.ema=null'
    """
    return " ".join(f"{name}={format_value(value)}" for name, value in params.items())


def format_value(value: object) -> str:
    """Return the value of a parameter, numbers with four digits."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return "null" if value is None else str(value)


def trials_table(
    trials: Sequence[FrozenTrial], options: TuneOptions, steps: int, longest: int
) -> str:
    """Return the best trials as a table for the terminal.

    Args:
        trials: those that count.
        options: of the study.
        steps: epochs of a completed trial.
        longest: largest number of rows.
    """
    rows = [("trial", NAMES[options.metric], "dev HTER", "seconds", "parameters")]
    for trial in sort_trials(trials, options.direction)[:longest]:
        hter = trial.user_attrs.get(HTER)
        rows.append(
            (
                str(trial.number),
                describe_outcome(trial, steps),
                "" if hter is None else f"{hter:.4f}",
                f"{seconds(trial):.1f}",
                format_parameters(trial.params),
            )
        )
    table = text_table(rows, ">5  <26 >8 >8  <")
    if len(trials) > longest:
        table += f"\n       and {len(trials) - longest} more in trials.csv"
    return table


def write_trials(path: Path, trials: Sequence[FrozenTrial], options: TuneOptions) -> None:
    """Write `trials.csv`, a row for each trial, ordered by `sort_trials`."""
    rows = sort_trials(trials, options.direction)
    columns: dict[str, list[Any]] = {
        "trial": [trial.number for trial in rows],
        "state": [trial.state.name.lower() for trial in rows],
        options.metric: [last_value(trial) for trial in rows],
        "epochs": [steps_done(trial) for trial in rows],
        "seconds": [seconds(trial) for trial in rows],
        "dev_hter": [trial.user_attrs.get(HTER) for trial in rows],
        "dev_auroc": [trial.user_attrs.get(AUROC) for trial in rows],
        "error": [trial.user_attrs.get(ERROR, "") for trial in rows],
    }
    for name in parameter_names(rows):
        columns[name] = [trial.params.get(name) for trial in rows]
    write_table(path, columns)


def describe_effort(trials: Sequence[FrozenTrial], steps: int) -> str:
    """Return the cost of all trials in terms of completed ones, of which there must be one."""
    pruned = sum(trial.state is TrialState.PRUNED for trial in trials)
    complete = [seconds(trial) for trial in trials if trial.state is TrialState.COMPLETE]
    total, epochs = sum(map(seconds, trials)), sum(map(steps_done, trials))
    cost = f"took {total:.0f} s and {epochs} epochs"
    if len(complete) == len(trials):
        return f"{len(trials)} trials {cost}."
    return (
        f"{len(trials)} trials, {pruned} of them pruned, {cost}: the time of "
        f"{total * len(complete) / sum(complete):.1f} completed trials, the epochs of "
        f"{epochs / steps:.1f}."
    )


def study_summary(
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
        "seconds": sum(map(seconds, trials)),
        "importance": dict(shares),
    }
