"""One experiment from its parts to its run directory."""

import gc
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from imbclf.augment import Augmentation
from imbclf.augment.tta import check_views
from imbclf.data.dataset import LabelledFolder
from imbclf.data.holdout import hold_out, write_holdout
from imbclf.data.listing import Listing
from imbclf.data.splits import Fold, repeated_folds
from imbclf.evaluation.run_directory import (
    METRICS,
    TRACKING_RUN,
    FoldResult,
    check_labels,
    fold_folder,
    read_epochs,
    read_fold,
    read_tracking_run,
    write_splits,
)
from imbclf.metrics.error_rates import binary_report
from imbclf.models.backbone import Backbone, check_input
from imbclf.models.torchvision_models import SkipRandomInit
from imbclf.prediction.scoring import resolve_precision
from imbclf.prediction.training_statistics import write_training_statistics
from imbclf.samplers import IndexSampler
from imbclf.tracking.base import Tracker, log_epochs
from imbclf.training.checks import check_batch, check_limit, check_start_of_folds, check_training
from imbclf.training.fold import train_fold
from imbclf.training.optim import OptimizerRecipe
from imbclf.training.recipe import CompileMode, CrossValidation, Recipe
from imbclf.training.results import artifacts, conclude, headline
from imbclf.utils.arrays import class_counts
from imbclf.utils.files import write_text

log = logging.getLogger("imbclf")


@dataclass(frozen=True)
class Prepared:
    """What the folds of an experiment are trained with, all that can be refused having been.

    Attributes:
        data: where the images come from.
        recipe: the parts, with the decoded images.
        listing: these images.
        folds: of these images.
        held: the images held out of them, if any.
    """

    data: LabelledFolder
    recipe: Recipe
    listing: Listing
    folds: list[Fold]
    held: Listing | None


def prepare(
    data: LabelledFolder,
    augment: Augmentation,
    model: Callable[[], Backbone],
    loss: Callable[[tuple[int, int]], nn.Module],
    sampler: Callable[[NDArray[np.int64], int], IndexSampler],
    optim: OptimizerRecipe,
    trainer: Callable[..., L.Trainer],
    cv: CrossValidation,
    seed: int,
    precision: str | int,
    compile_mode: CompileMode | None,
    device: torch.device,
) -> Prepared:
    """Find and decode the images and divide them; nothing is trained or written down.

    Everything that can be refused is refused before the first image is decoded.

    Args:
        data: the labeled images.
        augment: what training batches go through.
        model: makes the backbone.
        loss: makes the loss of the class counts (n0, n1) of a fit part.
        sampler: makes the sampler of the labels of a fit part and a seed.
        optim: the optimizer and its schedule.
        trainer: makes the Lightning trainer, called with the precision, callbacks and the like.
        cv: the protocol.
        seed: what all randomness comes from.
        precision: Lightning's precision, or `auto`.
        compile_mode: of `torch.compile`; None trains the network as it is.
        device: where dev and test parts are scored.

    Raises:
        UserError: what the user can mend.
    """
    with SkipRandomInit():
        backbone = model()
    precision = resolve_precision(precision, device, backbone.network)
    trainer = partial(trainer, precision=precision)
    listing, held = hold_out(data.list_files(), data.holdout)
    folds = _split(listing, cv, seed)
    check_start_of_folds(cv, folds, listing, backbone)
    labels = _labels(listing)[folds[0].fit]
    made = trainer()
    check_batch(data.batch_size, made.world_size, len(labels))
    check_training(backbone.head, loss(class_counts(labels)), made.max_epochs, made.world_size)
    batches = sampler(labels, seed).batch_count(data.batch_size, made.world_size)
    check_limit(made.limit_train_batches, batches)
    pixels, kept = data.open(listing)
    check_input(backbone, *pixels.shape[1:3])
    augment.check_size(*pixels.shape[1:3])
    check_views("cv.tta", cv.tta, *pixels.shape[1:3])
    if len(kept.files) != len(listing.files):
        folds = _split(kept, cv, seed)
        check_start_of_folds(cv, folds, kept, backbone)
    recipe = Recipe(
        pixels=pixels,
        labels=_labels(kept),
        files=kept.files,
        groups=kept.groups,
        label_names=kept.label_names,
        backbone=model,
        loss=loss,
        sampler=sampler,
        optim=optim,
        trainer=trainer,
        precision=precision,
        compile_mode=compile_mode,
        device=device,
        augment=augment,
        batch_size=data.batch_size,
        cv=cv,
        seed=seed,
    )
    return Prepared(data, recipe, kept, folds, held)


def run_experiment(
    prepared: Prepared,
    tracking: Tracker,
    run: Path,
    params: Mapping[str, str | int | float | bool | None],
) -> dict[str, Any]:
    """Train the folds, write the run directory, give the summary.

    Args:
        prepared: what is trained with.
        tracking: where the experiment is recorded.
        run: the run directory; one that was broken off is gone on with.
        params: flat configuration for tracking.

    Raises:
        UserError: what the user can mend.
    """
    recipe, folds, held = prepared.recipe, prepared.folds, prepared.held
    zero, one = class_counts(recipe.labels)
    log.info("data     %s", Path(prepared.data.dir).resolve())
    log.info(
        "images   %d: %d of label %s, %d of label %s",
        zero + one,
        zero,
        recipe.label_names[0],
        one,
        recipe.label_names[1],
    )
    if held is not None:
        log.info("held out %d, for imbclf-evaluate", len(held))
    log.info("run      %s", run)
    write_splits(run, recipe.files, folds)
    if held is not None:  # after the splits, which refuse images that this run did not divide
        write_holdout(run, held)
    earlier = read_tracking_run(run)
    run_id = tracking.start(run.name, params, earlier)
    if run_id is not None:
        write_text(run / TRACKING_RUN, run_id)
    results = []
    for number in recipe.cv.trained:
        done = read_fold(run, number)
        if done is None:
            results.append(_train(recipe, folds, number, run, tracking))
            continue
        log.info("fold %d   finished before", number)
        check_labels(run, done, folds[number], recipe.files, recipe.labels)
        results.append(done)
        if earlier is None:  # by another process, whose run in the store is another
            _record(recipe, folds, done, run, tracking)
    test_logits = {f"fold_{result.fold}": result.test_logits for result in results}
    write_training_statistics(run / "predictor", prepared.listing, recipe.pixels, test_logits)
    summary = conclude(recipe, folds, results, run)
    tracking.log_result(headline(summary), artifacts(run))
    tracking.log_model(run / "predictor", np.array(recipe.pixels[:2]))
    return summary


def _labels(listing: Listing) -> NDArray[np.int64]:
    assert listing.labels is not None
    return listing.labels


def _split(listing: Listing, cv: CrossValidation, seed: int) -> list[Fold]:
    return repeated_folds(
        _labels(listing), cv.folds, seed, cv.repeats, listing.groups, cv.dev_fraction
    )


def _train(
    recipe: Recipe, folds: list[Fold], number: int, run: Path, tracking: Tracker
) -> FoldResult:
    result = train_fold(recipe, folds[number], number, run, tracking)
    gc.collect()  # trainer, network and optimizer name each other, and would stay for many folds
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
    """Tell the tracker of a fold that was trained without it."""
    tracking.start_fold(result.fold)
    log_epochs(tracking, read_epochs(fold_folder(run, result.fold) / METRICS))
    report = _report(recipe, folds, result)
    tracking.end_fold({f"test/{name}": value for name, value in report.items()})


def _report(recipe: Recipe, folds: list[Fold], result: FoldResult) -> dict[str, float]:
    labels = recipe.labels[folds[result.fold].test]
    return binary_report(result.test_logits, labels, result.threshold)
