"""The objective of a trial: its score on the dev parts of some folds, never on test parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning as L
import numpy as np

from imbclf.data.splits import Fold
from imbclf.evaluation.fold_files import (
    BEST,
    LAST,
    fold_folder,
)
from imbclf.tracking.base import Tracker
from imbclf.training.checkpoint_callback import Select, cost
from imbclf.training.fold import fit_and_judge_on_dev
from imbclf.training.pace import Place
from imbclf.training.recipe import Recipe
from imbclf.tuning.options import Metric

ReportProgress = Callable[[int, float, bool], None]  # epochs done, value, whether all are done


@dataclass(frozen=True)
class DevScore:
    """Means over the dev parts of a trial's folds.

    Attributes:
        value: the study's metric.
        hter: at the threshold chosen on the same dev part.
        auroc: area under the ROC curve.
        steps: number of epochs of all folds.
    """

    value: float
    hter: float
    auroc: float
    steps: int


class ReportBestEpoch(L.Callback):
    """Report, after every epoch, the dev metric of the best epoch so far.

    Args:
        select: the metric on dev by which the epoch is chosen.
        metric: what is reported.
        report: called with the number of epochs done and the metric.
    """

    def __init__(
        self, select: Select, metric: Metric, report: Callable[[int, float], None]
    ) -> None:
        self.select, self.metric, self.report = select, metric, report
        self._lowest, self._value = float("inf"), float("nan")

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Report the best epoch so far."""
        metrics: dict[str, float] = pl_module.epoch_metrics  # type: ignore[assignment]
        now = cost(self.select, trainer.current_epoch, metrics)
        if now < self._lowest:
            self._lowest, self._value = now, metrics[f"dev/{self.metric}"]
        self.report(trainer.current_epoch + 1, self._value)


def score_on_dev(
    recipe: Recipe,
    folds: Sequence[Fold],
    numbers: Sequence[int],
    run: Path,
    tracker: Tracker,
    metric: Metric,
    report_progress: ReportProgress,
) -> DevScore:
    """Train some folds, one after another, and return their mean scores on dev.

    After every epoch `report_progress` is called with the number of epochs done in all folds, the
    mean of the metric over the folds so far, and whether this was the last epoch; an exception from
    it ends the trial. Weights are deleted. The trial is called after its folder in messages.
    """
    epochs = max(1, recipe.parts.trainer().max_epochs or 1)
    reports: list[dict[str, float]] = []
    try:
        for place, number in enumerate(numbers):
            before = [report[metric] for report in reports]

            def report_epoch(
                epoch: int, value: float, place: int = place, before: list[float] = before
            ) -> None:
                done = place * epochs + epoch
                report_progress(
                    done, float(np.mean([*before, value])), done == epochs * len(numbers)
                )

            callback = ReportBestEpoch(recipe.parts.cv.select, metric, report_epoch)
            label = f"trial {run.name}, fold {number}"
            report = fit_and_judge_on_dev(
                recipe,
                folds[number],
                number,
                run,
                tracker,
                callback,
                Place(label, len(numbers), 1 + place),
            )
            tracker.end_fold({f"dev/{name}": value for name, value in report.items()})
            reports.append(report)
    finally:
        for number in numbers:
            for name in (BEST, LAST):
                (fold_folder(run, number) / name).unlink(missing_ok=True)
    means = {name: float(np.mean([report[name] for report in reports])) for name in reports[0]}
    return DevScore(means[metric], means["hter"], means["auroc"], epochs * len(numbers))
