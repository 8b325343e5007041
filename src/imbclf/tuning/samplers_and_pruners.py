"""Optuna's samplers and pruners as `tune.*` names them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from imbclf.tuning.options import TuneOptions

FULL_BEFORE_MEDIAN = 4
REDUCTION = 4


class SeededByTrial(BaseSampler):
    """Draw each trial by a sampler of its own, seeded with a number and the trial's.

    What a trial draws depends on these and the trials before it: not on how often the study was
    stopped, and never the same in two processes.

    Args:
        make: makes a sampler of a seed.
        seed: of the study.
    """

    def __init__(self, make: Callable[[int], BaseSampler], seed: int) -> None:
        self.make, self.seed = make, seed
        self._number, self._sampler = -1, make(seed)

    def _of(self, trial: FrozenTrial) -> BaseSampler:
        if trial.number != self._number:
            generator = np.random.default_rng([self.seed, trial.number])
            self._sampler = self.make(int(generator.integers(2**31)))
            self._number = trial.number
        return self._sampler

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return which parameters are drawn together."""
        return self._of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw them."""
        return self._of(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:  # noqa: ANN401
        """Draw another parameter."""
        own = self._of(trial)
        return own.sample_independent(study, trial, param_name, param_distribution)


def sampler(options: TuneOptions, seed: int) -> BaseSampler:
    """Make what draws.

    TPE (Bergstra et al. 2011) draws near trials that did well; trials of other processes that are
    still running count as bad ones, so that processes keep out of each other's way.
    """
    if options.sampler == "random":
        return SeededByTrial(lambda own: RandomSampler(seed=own), seed)
    return SeededByTrial(
        lambda own: TPESampler(n_startup_trials=options.startup, constant_liar=True, seed=own),
        seed,
    )


def pruner(options: TuneOptions) -> BasePruner:
    """Make what ends trials early.

    halving: after 1, 4, 16, ... times `patience` epochs a trial goes on if it is among the best
    quarter of those that came so far (asynchronous successive halving: Li et al. 2020). median: it
    ends where its best so far is worse than the median of the others at that epoch.

    >>> type(pruner(TuneOptions("faces", pruner="none"))).__name__
    'NopPruner'
    """
    if options.pruner == "halving":
        return SuccessiveHalvingPruner(min_resource=options.patience, reduction_factor=REDUCTION)
    if options.pruner == "median":
        return MedianPruner(FULL_BEFORE_MEDIAN, n_warmup_steps=options.patience)
    return NopPruner()
