"""Importance of parameters: their share in the difference between good and bad trials."""

import math
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import optuna
from optuna.trial import FrozenTrial

from imbclf.tuning.outcome import last_value

MIN_TRIALS = 8


def importances(
    trials: Sequence[FrozenTrial], direction: Literal["maximize", "minimize"]
) -> dict[str, float]:
    """Return each parameter's share in the difference between good and bad trials, largest first.

    PED-ANOVA (Watanabe et al. 2023) of the last values of all trials, pruned ones included, since
    completed ones are few and all good. Empty for fewer than eight trials, or if their values are
    all equal; parameters drawn by fewer than eight trials are left out.
    """
    usable = [trial for trial in trials if math.isfinite(last_value(trial)) and trial.params]
    values = [last_value(trial) for trial in usable]
    if len(usable) < MIN_TRIALS or max(values) == min(values):
        return {}
    study = optuna.create_study(direction=direction)
    study.add_trials(
        optuna.trial.create_trial(
            params=trial.params, distributions=trial.distributions, value=last_value(trial)
        )
        for trial in usable
    )
    drawn = Counter(name for trial in usable for name in trial.params)
    frequent = [name for name, times in drawn.items() if times >= MIN_TRIALS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about choices that were rarely drawn
        return optuna.importance.get_param_importances(study, params=frequent)
