"""The outcome of a trial: its value, its epochs, its time."""

import math
from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from imbclf.tuning.study import ERROR

HTER, AUROC, STEPS = "imbclf.hter", "imbclf.auroc", "imbclf.steps"  # user attributes


def last_value(trial: FrozenTrial) -> float:
    """Return the value of a completed trial or the last one of another; NaN if there is none.

    >>> from optuna.trial import create_trial
    >>> last_value(create_trial(state=TrialState.PRUNED, intermediate_values={1: 0.6, 3: 0.7}))
    0.7
    """
    if trial.state is TrialState.COMPLETE and trial.value is not None:
        return float(trial.value)
    step = trial.last_step
    return math.nan if step is None else float(trial.intermediate_values[step])


def describe_outcome(trial: FrozenTrial, steps: int) -> str:
    """Return in a few words how a trial ended.

    >>> from optuna.trial import create_trial
    >>> describe_outcome(create_trial(value=0.9312), 8)
    '0.9312'
    >>> describe_outcome(create_trial(state=TrialState.PRUNED, intermediate_values={3: 0.7}), 8)
    '0.7000, pruned at 3/8'
    """
    if trial.state is TrialState.COMPLETE:
        return f"{trial.value:.4f}"
    if ERROR in trial.user_attrs:
        return "diverged" if trial.state is TrialState.PRUNED else "failed"
    if trial.state is not TrialState.PRUNED or trial.last_step is None:
        return trial.state.name.lower() if trial.state is not TrialState.FAIL else "interrupted"
    value = trial.intermediate_values[trial.last_step]
    return f"{value:.4f}, pruned at {trial.last_step}/{steps}"


def nothing_finished(trials: Sequence[FrozenTrial]) -> str:
    """Return why a study has no winner, and what to do.

    >>> from optuna.trial import create_trial
    >>> diverged = create_trial(state=TrialState.PRUNED, user_attrs={ERROR: "epoch 1"})
    >>> nothing_finished([diverged, diverged]).partition(";")[0]
    'all 2 trials diverged'
    """
    if trials and all(describe_outcome(trial, 0) == "diverged" for trial in trials):
        return (
            f"all {len(trials)} trials diverged; search lower learning rates "
            "(search.optim.lr.high=1e-3, say) under another tune.name, or set trainer.precision=32"
        )
    return "no trial has finished yet; resume with more tune.hours or tune.trials"


def steps_done(trial: FrozenTrial) -> int:
    """Return the number of epochs that a trial was trained.

    >>> from optuna.trial import create_trial
    >>> steps_done(create_trial(value=0.9, user_attrs={STEPS: 8}))
    8
    """
    return int(trial.user_attrs.get(STEPS) or trial.last_step or 0)


def seconds(trial: FrozenTrial) -> float:
    """Return how long a trial took; 0 while it runs."""
    return 0.0 if trial.duration is None else trial.duration.total_seconds()
