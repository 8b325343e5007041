"""Run an experiment: train its folds and write its run directory."""

import gc
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imbclf.data.holdout import write_holdout
from imbclf.data.listing import Listing
from imbclf.data.reading.summary import listing_summary
from imbclf.data.reading.write_listing import write_listing
from imbclf.data.splits import Fold
from imbclf.evaluation.cautions import few_in_dev
from imbclf.evaluation.ensemble_calibration import calibrate_ensemble
from imbclf.evaluation.fold_files import (
    METRICS,
    FoldResult,
    check_labels,
    fold_folder,
    read_epochs,
    read_fold,
)
from imbclf.evaluation.given_test import judge_given_test
from imbclf.evaluation.run_directory import (
    TRACKING_RUN,
    read_tracking_run,
    write_splits,
)
from imbclf.evaluation.training_images import write_training_images
from imbclf.metrics.error_rates import binary_report
from imbclf.prediction.manifest import MANIFEST, PREDICTOR, Manifest, check_same_pixels
from imbclf.prediction.scoring import scoring_precision
from imbclf.prediction.training_statistics import write_training_statistics
from imbclf.tracking.base import Tracker, log_epochs
from imbclf.tracking.provenance import describe_data, log_data
from imbclf.training.datamodule import SCORING_FACTOR
from imbclf.training.fold import train_fold
from imbclf.training.pace import Place, about
from imbclf.training.planning import keep_in_time
from imbclf.training.preparation import Prepared
from imbclf.training.recipe import Recipe
from imbclf.training.results import artifacts, headline, write_results
from imbclf.utils.arrays import class_counts
from imbclf.utils.files import write_text
from imbclf.utils.out_of_memory import explain_out_of_memory

log = logging.getLogger("imbclf")


def run_experiment(
    prepared: Prepared,
    tracking: Tracker,
    run: Path,
    params: Mapping[str, str | int | float | bool | None],
) -> dict[str, Any]:
    """Train the folds, write the run directory and return the summary.

    Args:
        prepared: the experiment.
        tracking: where the experiment is recorded.
        run: the run directory; an interrupted run is resumed.
        params: flat configuration for tracking.

    Raises:
        UserError: something the user can fix.
    """
    recipe, folds, held = prepared.recipe, prepared.folds, prepared.held
    listed = prepared.listed or recipe.listing
    _log_start(prepared, listed, run)
    if (run / PREDICTOR / MANIFEST).exists():
        there = Manifest.load(run / PREDICTOR).pixel_options
        check_same_pixels(run / PREDICTOR / MANIFEST, there, recipe.pixel_options)
    trained = {number: folds[number] for number in recipe.parts.cv.trained}
    for sentence in few_in_dev(trained, recipe.labels, recipe.listing.label_names):
        log.warning("%s", sentence)
    write_splits(run, recipe.listing.files, folds)
    if held is not None:  # after the splits, which refuse a run directory of other images
        write_holdout(run, held)
    write_listing(listed, run)
    write_training_images(run, recipe.listing, recipe.pixels)
    earlier = read_tracking_run(run)
    run_id = tracking.start(run.name, params, earlier)
    if run_id is not None:
        write_text(run / TRACKING_RUN, run_id)
    names = recipe.listing.label_names
    log_data(
        tracking, describe_data(recipe.parts.data.dir, recipe.listing.files, recipe.labels, names)
    )
    recipe, results = keep_in_time(recipe, folds, run), []
    finished = {number: read_fold(run, number) for number in recipe.parts.cv.trained}
    left = [number for number, done in finished.items() if done is None]
    for number, done in finished.items():
        if done is None:
            place = Place(f"fold {number}", len(left), 1 + left.index(number))
            results.append(_train(recipe, folds, number, run, tracking, place))
            continue
        log.info("fold %d   finished before", number)
        check_labels(run, done, folds[number], recipe.listing.files, recipe.labels)
        results.append(done)
        if earlier is None:  # trained by another process, under another tracking run
            _record(recipe, folds, done, run, tracking)
    test_logits = {f"fold_{result.fold}": result.test_logits for result in results}
    calibrate_ensemble(run, results, folds, recipe.labels)
    test_labels = {f"fold_{done.fold}": recipe.labels[folds[done.fold].test] for done in results}
    write_training_statistics(
        run / "predictor", recipe.listing, recipe.pixels, test_logits, test_labels
    )
    judged = _judge_test(prepared, results, run)
    summary = write_results(recipe, folds, results, run, judged, listing_summary(listed))
    tracking.log_result(headline(summary), artifacts(run))
    tracking.log_model(run / "predictor", np.array(recipe.pixels[:2]))
    if recipe.parts.deadline is not None and recipe.parts.deadline.seconds_left < 0:
        late = about(-recipe.parts.deadline.seconds_left)
        log.warning("The results are %s later than trainer.time_limit asked for", late)
    return summary


def _log_start(prepared: Prepared, listed: Listing, run: Path) -> None:
    """Log what is trained on, how it was read and divided, and where the results go."""
    recipe, names = prepared.recipe, prepared.recipe.listing.label_names
    zero, one = class_counts(recipe.labels)
    log.info("data     %s", Path(recipe.parts.data.dir).resolve())
    counts = (zero + one, zero, names[0], one, names[1])
    log.info("images   %d: %d of label %s, %d of label %s", *counts)
    for line in (*listed.account.lines(), *prepared.division):
        log.info("%s", line)
    if prepared.held is not None:
        log.info("held out %d, for imbclf-evaluate", len(prepared.held))
    log.info("run      %s", run)


def _judge_test(prepared: Prepared, results: list[FoldResult], run: Path) -> dict[str, Any] | None:
    """Judge the ensemble on the test part that the user made; None where there is none.

    The ensemble of some folds alone is not what is shipped, and the test part is judged once.
    """
    if prepared.test is None:
        return None
    if len(results) < len(prepared.folds):
        log.info(
            "test     not judged yet: %d of %d folds are trained; imbclf-gather judges it when all "
            "are",
            len(results),
            len(prepared.folds),
        )
        return None
    parts = prepared.recipe.parts
    precision, batch_size = scoring_precision(parts.precision), parts.data.batch_size
    with explain_out_of_memory("test part", batch_size):
        return judge_given_test(
            run,
            prepared.test,
            parts.device,
            precision,
            SCORING_FACTOR * batch_size,
            parts.data.cache_dir,
        )


def _train(
    recipe: Recipe, folds: list[Fold], number: int, run: Path, tracking: Tracker, place: Place
) -> FoldResult:
    result = train_fold(recipe, folds[number], number, run, tracking, place)
    gc.collect()  # trainer, network and optimizer form reference cycles
    report = _report(recipe, folds, result)
    tracking.end_fold({f"test/{name}": value for name, value in report.items()})
    log.info(
        "fold %d   HTER %.4f, AUROC %.4f (epoch %d, %.0f s, %.0f images/s)",
        number,
        report["hter"],
        report["auroc"],
        result.epoch + 1,
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
