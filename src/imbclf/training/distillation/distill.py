"""Train a student of a finished run and measure what it loses against the run's ensemble."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imbclf.data.splits import Fold
from imbclf.evaluation.fold_files import BEST, FoldResult, check_labels, fold_folder, read_fold
from imbclf.evaluation.looks import count_look
from imbclf.evaluation.run_directory import STUDENT_RESULT, read_summary, write_splits
from imbclf.evaluation.student_comparison import compare_errors, measure_speed, student_text
from imbclf.evaluation.unseen_images import open_unseen
from imbclf.metrics.error_rates import binary_report
from imbclf.models.torchvision_models import SkipRandomInit
from imbclf.prediction.fold_model import read_checkpoint
from imbclf.prediction.fold_model_files import save_fold_model
from imbclf.prediction.manifest import PREDICTOR
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.training_statistics import write_training_statistics
from imbclf.reporting.student_card import write_student_card
from imbclf.tracking.base import Tracker
from imbclf.tracking.resume import start_or_resume
from imbclf.training.distillation.student_fold import (
    StudentOptions,
    build_teacher,
    planned_epochs,
    student_fold,
    student_recipe,
)
from imbclf.training.distillation.threshold import student_rule
from imbclf.training.fold import train_fold
from imbclf.training.pace import Place
from imbclf.training.preparation import Prepared
from imbclf.training.recipe import Recipe
from imbclf.utils.tables import write_json

log = logging.getLogger("imbclf")


def distill_run(
    prepared: Prepared,
    run: Path,
    out: Path,
    options: StudentOptions,
    tracking: Tracker,
    params: Mapping[str, str | int | float | bool | None],
) -> dict[str, Any]:
    """Train one network from a finished run, write it as a predictor, and return its result.

    An interrupted training is resumed after its last whole epoch.

    Args:
        prepared: the run's experiment with the student's network.
        run: the finished run directory.
        out: the student's directory.
        options: how it is trained.
        tracking: where it is recorded.
        params: flat configuration for tracking.

    Raises:
        UserError: the images are no longer those of the run, or the run has no student.
    """
    recipe, folds, summary = prepared.recipe, prepared.folds, read_summary(run, ("per_fold",))
    _check_images(run, recipe, folds, summary)
    cv = recipe.parts.cv
    dev_fraction = cv.dev_fraction if options.dev_fraction is None else options.dev_fraction
    fold = student_fold(recipe.listing, folds, recipe.parts.seed, dev_fraction)
    ensemble = Predictor.load(run / PREDICTOR)
    own, plan = _plan(recipe, ensemble, options, summary)
    images = {"fit": len(fold.fit), "dev": len(fold.dev)}
    facts = {"run": str(run), **plan, "images": images}
    _log_start(facts, out)
    start_or_resume(tracking, out, out.name, params)
    result = _train(own, fold, out, tracking)
    labels = recipe.labels[fold.dev]
    scored = {"fold_0": result.dev_logits}, {"fold_0": labels}
    write_training_statistics(out / PREDICTOR, recipe.listing, recipe.pixels, *scored)
    source = _choose_rule(own, fold, result, run, ensemble, out)
    student = Predictor.load(out / PREDICTOR)
    found = {
        **facts,
        "seconds": result.seconds,
        "threshold_from": source,
        "threshold": student.fold_models[0].rule["threshold"],
        "dev_auroc": binary_report(result.dev_logits, labels, result.threshold)["auroc"],
        "comparison": _compare(prepared, student, ensemble, out),
        "cost": _costs(recipe, {"ensemble": (ensemble, run), "student": (student, out)}),
    }
    write_student_card(out / PREDICTOR, found, student.label_names)
    write_json(out / STUDENT_RESULT, found)  # last: a student with a result is finished
    tracking.log_result(_metrics(found), [out / STUDENT_RESULT])
    tracking.log_model(out / PREDICTOR, np.array(recipe.pixels[:2]))
    log.info("\n%s", student_text(found))
    return found


def _check_images(run: Path, recipe: Recipe, folds: list[Fold], summary: Mapping[str, Any]) -> None:
    """Make sure that the images are those of the run, with the labels that they had."""
    write_splits(run, recipe.listing.files, folds)
    for row in summary["per_fold"]:
        done, number = read_fold(run, row["fold"]), row["fold"]
        if done is not None:
            check_labels(run, done, folds[number], recipe.listing.files, recipe.labels)


def _plan(
    recipe: Recipe, ensemble: Predictor, options: StudentOptions, summary: Mapping[str, Any]
) -> tuple[Recipe, dict[str, Any]]:
    """Return the student's recipe, and its network, teacher and epochs as they are reported."""
    with SkipRandomInit():
        backbone = recipe.parts.model()
    teacher = build_teacher(ensemble, backbone, options.share)
    share = 0.0 if teacher is None else options.share
    epochs = planned_epochs(options, share, summary)
    return student_recipe(recipe, epochs, teacher if epochs else None), {
        "architecture": str(backbone.architecture["name"]),
        "teacher": ensemble.describe_models(),
        "share": share if epochs else 0.0,
        "epochs": epochs,
    }


def _log_start(facts: Mapping[str, Any], out: Path) -> None:
    images = facts["images"]
    log.info("teacher  %s, share %g of the loss", facts["teacher"], facts["share"])
    log.info("student  %s, %d epochs", facts["architecture"], facts["epochs"])
    log.info("images   %d to learn from, %d for the threshold", images["fit"], images["dev"])
    log.info("out      %s", out)


def _train(recipe: Recipe, fold: Fold, out: Path, tracking: Tracker) -> FoldResult:
    """Train the student, or read what an interrupted command had finished."""
    done = read_fold(out, 0)
    if done is not None:
        check_labels(out, done, fold, recipe.listing.files, recipe.labels)
        return done
    result = train_fold(recipe, fold, 0, out, tracking, Place("student"))
    report = binary_report(result.dev_logits, recipe.labels[fold.dev], result.threshold)
    tracking.end_fold({f"dev/{name}": value for name, value in report.items()})
    return result


def _choose_rule(
    recipe: Recipe, fold: Fold, result: FoldResult, run: Path, ensemble: Predictor, out: Path
) -> str:
    """Give the student its decision rule; return what its threshold was chosen on."""
    method, files = recipe.parts.cv.threshold, recipe.listing.files
    scored = result.dev_logits, fold.dev
    rule, source = student_rule(run, ensemble, files, recipe.labels, *scored, method)
    metadata, weights = read_checkpoint(fold_folder(out, 0) / BEST)
    deployed = {**metadata, **rule}
    save_fold_model(out / PREDICTOR, 0, deployed, weights, recipe.parts.cv.tta)
    return source


def _compare(
    prepared: Prepared, student: Predictor, ensemble: Predictor, out: Path
) -> dict[str, Any]:
    """Compare both on the user's test part, else on the holdout; each answer counts as a look."""
    recipe = prepared.recipe
    data, size = recipe.parts.data, student.image_size
    if prepared.test is not None:
        how, pixels, listing = "test part", prepared.test.pixels, prepared.test.listing
    elif prepared.held is not None:
        names, options = student.label_names, student.pixel_options
        how = "holdout"
        pixels, listing = open_unseen(data, prepared.held, names, size, options)
    else:
        return {"how": "not measured"}
    own = student.predict_pixels(pixels, *recipe.parts.scoring, progress=True)
    theirs = ensemble.predict_pixels(pixels, *recipe.parts.scoring, progress=True)
    known = listing.known_labels, listing.label_names, listing.groups
    errors = compare_errors(own, theirs, *known)
    looks = [count_look(listing, one.decisions, data.cache_dir, out) for one in (theirs, own)]
    return {"how": how, **errors, "looks": looks[-1]}


def _costs(
    recipe: Recipe, predictors: Mapping[str, tuple[Predictor, Path]]
) -> dict[str, dict[str, float]]:
    """Return seconds per image and bytes of the weights of each predictor."""
    device, precision, _ = recipe.parts.scoring
    scoring = device, precision, recipe.parts.batch_size
    return {
        name: {
            "seconds_per_image": measure_speed(predictor, recipe.pixels, *scoring),
            "bytes": sum(file.stat().st_size for file in (run / PREDICTOR).glob("*.safetensors")),
        }
        for name, (predictor, run) in predictors.items()
    }


def _metrics(found: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers that are logged to tracking."""
    errors, metrics = found["comparison"], {"dev/auroc": float(found["dev_auroc"])}
    if errors["how"] != "not measured":
        low, high = errors["loss_interval"]
        metrics |= {"loss/hter": errors["loss"], "loss/hter_low": low, "loss/hter_high": high}
        metrics |= {f"student/{rate}": errors["student"][rate] for rate in ("hter", "auroc")}
        metrics |= {f"ensemble/{rate}": errors["ensemble"][rate] for rate in ("hter", "auroc")}
    return metrics
