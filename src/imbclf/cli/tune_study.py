"""The trials of `imbclf-tune`, each trained as `imbclf-train` would. Imports torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from optuna import Study

from imbclf.cli.app.messages import log
from imbclf.cli.config.build import build_parts, tracked, tracker_from
from imbclf.cli.config.compose import compose_train, to_overrides
from imbclf.cli.config.flat import flatten
from imbclf.cli.config.tracking import run_params
from imbclf.cli.config.validation import check
from imbclf.data.holdout import HOLDOUT, hold_out_by_seed, write_holdout
from imbclf.errors import UserError
from imbclf.tracking.base import Tracker
from imbclf.tracking.resume import start_or_resume
from imbclf.training.preparation import prepare
from imbclf.tuning.objective import DevScore, ReportProgress, score_on_dev
from imbclf.tuning.options import TuneOptions
from imbclf.tuning.search_space import Scalar, Space
from imbclf.tuning.study import (
    ended_trials,
    exclusive_access,
    holds_out_by_seed,
    open_study,
)
from imbclf.tuning.trials import search

MAY_DIFFER = ("tracking", "data.cache_dir")  # between calls on the same study


class CommandStudy:
    """A study with its search space and the overrides of the command line.

    Args:
        options: of the study.
        space: the options that vary.
        given: overrides that all trials share.

    Raises:
        UserError: as `open_study`.
    """

    def __init__(self, options: TuneOptions, space: Space, given: list[str]) -> None:
        self.options, self.space, self.given = options, space, given
        self.base, _ = compose_train(given)
        parts = build_parts(self.base)
        if parts.deadline is not None:
            raise UserError("trainer.time_limit: the time of a search is limited by tune.hours")
        if parts.trainer(precision="32-true").world_size > 1:
            raise UserError(
                "trainer.devices: a trial is trained on one device; to use several, start several "
                "processes on one study: CUDA_VISIBLE_DEVICES=1 imbclf-tune ... tune.name=NAME"
            )
        self.folds = fold_numbers(options, self.base)
        self.steps = max(1, self.base.trainer.max_epochs) * len(self.folds)
        self.study: Study = open_study(options, self._common_options(), self.base.seed)
        if self.base.data.holdout and holds_out_by_seed(self.study):
            self._keep_holdout()

    def _keep_holdout(self) -> None:
        """Write which images a study of version 0.1 holds out, before they are drawn otherwise."""
        if not (self.options.folder / HOLDOUT).exists():
            data = build_parts(self.base).data
            _, held = hold_out_by_seed(data.list_files(), data.holdout)
            write_holdout(self.options.folder, held)

    def _common_options(self) -> dict[str, Any]:
        """Return the options that all trials share, as plain values by name."""
        flat = flatten(OmegaConf.to_container(self.base, resolve=True))
        common = {key: value for key, value in flat.items() if not key.startswith(MAY_DIFFER)}
        common |= {f"search.{key}": repr(values) for key, values in self.space.items()}
        return common | {"tune.metric": self.options.metric, "tune.folds": self.options.folds}

    def run(self) -> bool:
        """Run trials until the budget is spent; return whether the study is finished.

        It is not while other processes still run its trials.
        """
        log.info("study    %s in %s", self.options.name, self.options.folder)
        log.info("varied   %s", ", ".join(self.space))
        log.info(
            "metric   %s on the dev part of fold %s",
            self.options.metric,
            ", ".join(map(str, self.folds)),
        )
        log.info("budget   %s", describe_budget(self.options))
        before = len(ended_trials(self.study))
        if before:
            log.info("earlier  %d trials", before)
        tracker = self.start_tracker()
        with tracked(tracker):
            running = search(
                self.study, self.space, self.options, self.steps, self._objective, tracker
            )
        if running:
            log.info(
                "\n%d trials still run in other processes; the last to end evaluates the winner",
                running,
            )
        return not running

    def _objective(
        self, drawn: Mapping[str, Scalar], folder: Path, tracker: Tracker, report: ReportProgress
    ) -> DevScore:
        cfg, _ = compose_train([*self.given, *to_overrides(drawn)])
        check(cfg, "train")
        ready = prepare(build_parts(cfg), self.options.folder)
        if self.folds[-1] >= len(ready.folds):
            raise UserError(
                f"tune.folds={len(self.folds)}: the images are numbered by {len(ready.folds)} folds"
            )
        return score_on_dev(
            ready.recipe, ready.folds, self.folds, folder, tracker, self.options.metric, report
        )

    def start_tracker(self) -> Tracker:
        """Start or resume the parent run of the trials."""
        tracker = tracker_from(self.base)
        with exclusive_access(self.options.folder):
            start_or_resume(tracker, self.options.folder, self.options.name, run_params(self.base))
        return tracker


def describe_budget(options: TuneOptions) -> str:
    """Return the limits of a study as text.

    >>> describe_budget(TuneOptions("faces", trials=20, hours=1.5))
    '20 trials in all, 1.5 hours from now'
    """
    trials = [] if options.trials is None else [f"{options.trials} trials in all"]
    return ", ".join(trials + ([f"{options.hours:g} hours from now"] if options.hours else []))


def fold_numbers(options: TuneOptions, base: DictConfig) -> list[int]:
    """Return the folds that a trial is evaluated on; `cv.fold` may choose a single one."""
    if options.folds == 1 and base.cv.fold is not None:
        return [int(base.cv.fold)]
    return list(range(options.folds))
