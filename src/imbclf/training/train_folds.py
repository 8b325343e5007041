"""Train the folds of an experiment, or read those that are finished, and record them."""

import gc
import logging
from pathlib import Path

from imbclf.data.splits import Fold
from imbclf.evaluation.fold_files import (
    METRICS,
    FoldResult,
    check_labels,
    fold_folder,
    read_epochs,
    read_fold,
)
from imbclf.metrics.error_rates import binary_report
from imbclf.tracking.base import Tracker, log_epochs
from imbclf.training.fold import train_fold
from imbclf.training.pace import Place
from imbclf.training.recipe import Recipe

log = logging.getLogger("imbclf")


def train_folds(
    recipe: Recipe, folds: list[Fold], run: Path, tracking: Tracker, is_recorded: bool
) -> list[FoldResult]:
    """Return the results of all folds that an experiment trains.

    Args:
        recipe: of the experiment.
        folds: all of them.
        run: the run directory.
        tracking: where the folds are recorded.
        is_recorded: whether finished folds are recorded there already; they are not where they
            were trained by another process, under another tracking run.

    Raises:
        UserError: a finished fold is damaged or of other labels.
    """
    finished = {number: read_fold(run, number) for number in recipe.parts.cv.trained}
    left = [number for number, done in finished.items() if done is None]
    results = []
    for number, done in finished.items():
        if done is None:
            place = Place(f"fold {number}", len(left), 1 + left.index(number))
            results.append(_train(recipe, folds, number, run, tracking, place))
            continue
        log.info("fold %d   finished before", number)
        check_labels(run, done, folds[number], recipe.listing.files, recipe.labels)
        results.append(done)
        if not is_recorded:
            _record(recipe, folds, done, run, tracking)
    return results


def _train(
    recipe: Recipe, folds: list[Fold], number: int, run: Path, tracking: Tracker, place: Place
) -> FoldResult:
    result = train_fold(recipe, folds[number], number, run, tracking, place)
    gc.collect()  # trainer, network and optimizer form reference cycles
    report = _report(recipe, folds, result)
    tracking.end_fold({f"test/{name}": value for name, value in report.items()})
    log.info(
        "fold %d   HTER %.4f, AUROC %.4f (%s%.0f s, %.0f images/s)",
        number,
        report["hter"],
        report["auroc"],
        "" if recipe.is_frozen else f"epoch {result.epoch + 1}, ",
        result.seconds,
        result.images_per_second,
    )
    return result


def _record(
    recipe: Recipe, folds: list[Fold], result: FoldResult, run: Path, tracking: Tracker
) -> None:
    """Log a fold that was trained without this tracker."""
    tracking.start_fold(result.fold)
    log_epochs(tracking, read_epochs(fold_folder(run, result.fold) / METRICS))
    report = _report(recipe, folds, result)
    tracking.end_fold({f"test/{name}": value for name, value in report.items()})


def _report(recipe: Recipe, folds: list[Fold], result: FoldResult) -> dict[str, float]:
    labels = recipe.labels[folds[result.fold].test]
    return binary_report(result.test_logits, labels, result.threshold)
