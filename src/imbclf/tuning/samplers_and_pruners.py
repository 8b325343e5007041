"""The samplers and pruners of `tune.sampler` and `tune.pruner`."""

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
    """Draw each trial with its own sampler, seeded with the study's seed and the trial's number.

    Draws depend on these and on earlier trials alone: not on how often the study was interrupted,
    and they differ between processes.

    Args:
        make: returns a sampler for a seed.
        seed: of the study.
    """

    def __init__(self, make: Callable[[int], BaseSampler], seed: int) -> None:
        self.make, self.seed = make, seed
        self._number, self._sampler = -1, make(seed)

    def _sampler_of(self, trial: FrozenTrial) -> BaseSampler:
        if trial.number != self._number:
            generator = np.random.default_rng([self.seed, trial.number])
            self._sampler = self.make(int(generator.integers(2**31)))
            self._number = trial.number
        return self._sampler

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the parameters that are drawn jointly."""
        return self._sampler_of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw the joint parameters."""
        return self._sampler_of(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:  # noqa: ANN401
        """Draw a single parameter."""
        own = self._sampler_of(trial)
        return own.sample_independent(study, trial, param_name, param_distribution)


def make_sampler(options: TuneOptions, seed: int) -> BaseSampler:
    """Return the sampler.

    TPE (Bergstra et al. 2011) draws near good trials; running trials of other processes count as
    bad ones, so that processes do not draw the same.
    """
    if options.sampler == "random":
        return SeededByTrial(lambda own: RandomSampler(seed=own), seed)
    return SeededByTrial(
        lambda own: TPESampler(n_startup_trials=options.startup, constant_liar=True, seed=own),
        seed,
    )


def make_pruner(options: TuneOptions) -> BasePruner:
    """Return the pruner.

    halving: after 1, 4, 16, ... times `patience` epochs a trial continues if it is in the best
    quarter of those that got there (asynchronous successive halving: Li et al. 2020). median: it
    is pruned if its best value so far is worse than the median of the others at that epoch.

    >>> type(make_pruner(TuneOptions("faces", pruner="none"))).__name__
    'NopPruner'
    """
    if options.pruner == "halving":
        return SuccessiveHalvingPruner(min_resource=options.patience, reduction_factor=REDUCTION)
    if options.pruner == "median":
        return MedianPruner(FULL_BEFORE_MEDIAN, n_warmup_steps=options.patience)
    return NopPruner()
