"""Run an experiment: train its folds and write its run directory."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imbclf.data.holdout import write_holdout
from imbclf.data.listing import Listing
from imbclf.data.reading.summary import listing_summary
from imbclf.data.reading.write_listing import write_listing
from imbclf.data.splits import Fold
from imbclf.evaluation.cautions import few_in_dev
from imbclf.evaluation.ensemble_calibration import calibrate_ensemble
from imbclf.evaluation.fold_files import FoldResult
from imbclf.evaluation.given_test import judge_given_test
from imbclf.evaluation.run_directory import write_splits
from imbclf.evaluation.training_images import write_training_images
from imbclf.prediction.manifest import MANIFEST, PREDICTOR, Manifest, check_same_pixels
from imbclf.prediction.training_statistics import write_training_statistics
from imbclf.tracking.base import Tracker
from imbclf.tracking.provenance import describe_data, log_data
from imbclf.tracking.resume import start_or_resume
from imbclf.training.pace import about
from imbclf.training.planning import keep_in_time
from imbclf.training.preparation import Prepared
from imbclf.training.recipe import Recipe
from imbclf.training.results import artifacts, headline, write_results
from imbclf.training.train_folds import train_folds
from imbclf.utils.arrays import class_counts
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
    recipe, folds = prepared.recipe, prepared.folds
    listed = prepared.listed or recipe.listing
    _log_start(prepared, listed, run)
    _check_earlier_predictor(run, recipe)
    trained = {number: folds[number] for number in recipe.parts.cv.trained}
    for sentence in few_in_dev(trained, recipe.labels, recipe.listing.label_names):
        log.warning("%s", sentence)
    _write_images(prepared, listed, run)
    earlier = start_or_resume(tracking, run, run.name, params)
    images = recipe.listing.files, recipe.labels, recipe.listing.label_names
    log_data(tracking, describe_data(recipe.parts.data.dir, *images))
    recipe = keep_in_time(recipe, folds, run)
    results = train_folds(recipe, folds, run, tracking, is_recorded=earlier is not None)
    _finish_predictor(recipe, folds, results, run)
    judged = _judge_test(prepared, results, run)
    summary = write_results(recipe, folds, results, run, judged, listing_summary(listed))
    tracking.log_result(headline(summary), artifacts(run))
    tracking.log_model(run / PREDICTOR, np.array(recipe.pixels[:2]))
    if recipe.parts.deadline is not None and recipe.parts.deadline.seconds_left < 0:
        late = about(-recipe.parts.deadline.seconds_left)
        log.warning("The results are %s later than trainer.time_limit asked for", late)
    return summary


def _log_start(prepared: Prepared, listed: Listing, run: Path) -> None:
    """Log what is trained on, how it was read and divided, and where the results go."""
    recipe = prepared.recipe
    log.info("data     %s", Path(recipe.parts.data.dir).resolve())
    log.info("images   %s", _counted(recipe.labels, recipe.listing.label_names))
    for line in (*listed.account.lines(), *prepared.division):
        log.info("%s", line)
    if prepared.held is not None:
        held = prepared.held
        groups = "" if held.groups is None else f"; {len({*held.groups}):,} groups"
        counts = _counted(held.known_labels, held.label_names)
        log.info("held out %s%s, for imbclf-evaluate", counts, groups)
    log.info("run      %s", run)


def _counted(labels: NDArray[np.int64], names: tuple[str, str]) -> str:
    """Return the number of images, and of those of each label."""
    zero, one = class_counts(labels)
    return f"{zero + one}: {zero} of label {names[0]}, {one} of label {names[1]}"


def _check_earlier_predictor(run: Path, recipe: Recipe) -> None:
    """Make sure that fold models of a resumed run were trained on images decoded like these."""
    if (run / PREDICTOR / MANIFEST).exists():
        there = Manifest.load(run / PREDICTOR).pixel_options
        check_same_pixels(run / PREDICTOR / MANIFEST, there, recipe.pixel_options)


def _write_images(prepared: Prepared, listed: Listing, run: Path) -> None:
    """Write which images there are, and what each is for."""
    listing = prepared.recipe.listing
    write_splits(run, listing.files, prepared.folds)
    if prepared.held is not None:  # after the splits, which refuse a run directory of other images
        write_holdout(run, prepared.held)
    write_listing(listed, run)
    write_training_images(run, listing, prepared.recipe.pixels)


def _finish_predictor(
    recipe: Recipe, folds: list[Fold], results: list[FoldResult], run: Path
) -> None:
    """Write what the predictor says of its fold models together: calibration and statistics."""
    calibrate_ensemble(run, results, folds, recipe.labels)
    logits = {f"fold_{result.fold}": result.test_logits for result in results}
    labels = {f"fold_{done.fold}": recipe.labels[folds[done.fold].test] for done in results}
    write_training_statistics(run / PREDICTOR, recipe.listing, recipe.pixels, logits, labels)


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
    with explain_out_of_memory("test part", parts.batch_size):
        return judge_given_test(run, prepared.test, *parts.scoring, parts.data.cache_dir)
