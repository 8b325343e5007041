"""Which parameters made the difference between good trials and bad ones."""

import math
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import optuna
from optuna.trial import FrozenTrial, TrialState

FEWEST = 8


def last_value(trial: FrozenTrial) -> float:
    """Return what a trial came to, where it was pruned what it had reached; NaN where nothing.

    >>> from optuna.trial import create_trial
    >>> last_value(create_trial(state=TrialState.PRUNED, intermediate_values={1: 0.6, 3: 0.7}))
    0.7
    """
    if trial.state is TrialState.COMPLETE and trial.value is not None:
        return float(trial.value)
    step = trial.last_step
    return math.nan if step is None else float(trial.intermediate_values[step])


def importances(
    trials: Sequence[FrozenTrial], direction: Literal["maximize", "minimize"]
) -> dict[str, float]:
    """Return each parameter's share of what tells good trials from bad ones, the largest first.

    PED-ANOVA (Watanabe et al. 2023), of the last value of all trials, those that were pruned too:
    the few that ran to their end are too few and too good to tell. Empty where there are fewer than
    eight trials, or all did alike; a parameter needs eight trials that drew it.
    """
    told = [trial for trial in trials if math.isfinite(last_value(trial)) and trial.params]
    values = [last_value(trial) for trial in told]
    if len(told) < FEWEST or max(values) == min(values):
        return {}
    study = optuna.create_study(direction=direction)
    study.add_trials(
        optuna.trial.create_trial(
            params=trial.params, distributions=trial.distributions, value=last_value(trial)
        )
        for trial in told
    )
    drawn = Counter(name for trial in told for name in trial.params)
    often = [name for name, times in drawn.items() if times >= FEWEST]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of choices that were hardly ever drawn
        return optuna.importance.get_param_importances(study, params=often)
