"""Train the folds of one experiment and collect what each says of images it never saw."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from numpy.typing import NDArray
from torch import Tensor

from imbclf.augment import FoldAugmentation
from imbclf.data.splits import Fold
from imbclf.evaluation.run_directory import (
    BEST,
    LAST,
    METRICS,
    FoldResult,
    fold_folder,
    read_epochs,
    write_fold,
)
from imbclf.metrics.error_rates import binary_report
from imbclf.metrics.thresholds import choose_threshold
from imbclf.models.backbone import Backbone
from imbclf.prediction.decision_rule import DecisionRule, decision_rule
from imbclf.prediction.fold_model import read_checkpoint, save_fold_model
from imbclf.prediction.scoring import score_images
from imbclf.tracking.base import Tracker, log_epochs
from imbclf.training.callbacks import (
    Compiled,
    EpochBar,
    EpochRecord,
    MovingAverage,
    Progress,
    UnfreezeBackbone,
    to_nobody,
)
from imbclf.training.checkpoint_callback import SaveBestAndLast
from imbclf.training.checkpoint_io import BackgroundCheckpointIO, cannot_resume
from imbclf.training.datamodule import SCORED, FoldDataModule
from imbclf.training.distributed import EndedProcess, EndOnSigterm, reason, stop
from imbclf.training.initialization import prepare_filters, prepare_head, prepare_probe
from imbclf.training.lightning_module import BinaryClassifier
from imbclf.training.lightning_warnings import SilenceWarnings
from imbclf.training.optim import OptimizerRecipe
from imbclf.training.recipe import Recipe
from imbclf.training.sampler_feedback import Feedback
from imbclf.training.start_from import start_weights
from imbclf.utils.arrays import class_counts
from imbclf.utils.out_of_memory import explain_out_of_memory
from imbclf.utils.safe_reading import DAMAGE


def train_fold(recipe: Recipe, fold: Fold, number: int, run: Path, tracker: Tracker) -> FoldResult:
    """Train one fold, choose its epoch and threshold on dev, score its test part once.

    A fold that was broken off in an earlier run goes on from its last whole epoch. With
    `trainer.max_epochs=0` the head is prepared and judged, and that is all.
    """
    fitted = _fitted(recipe, fold, number, run, tracker)
    with explain_out_of_memory(f"fold {number}", recipe.batch_size):
        result = _judge(recipe, fold, number, fitted)
    deployed = {**fitted.card, **_deployed_rule(recipe, fold, result)}
    save_fold_model(run / "predictor", number, deployed, fitted.weights, recipe.cv.tta)
    write_fold(run, result, fold, recipe.files, recipe.labels)
    (fold_folder(run, number) / LAST).unlink(missing_ok=True)
    return result


def fit_and_judge_on_dev(
    recipe: Recipe, fold: Fold, number: int, run: Path, tracker: Tracker, watch: L.Callback
) -> dict[str, float]:
    """Train one fold and judge it on its dev part alone, on which epoch and threshold are chosen.

    `watch` sees every epoch when all else has been done with it; what it raises ends the training.
    Gives a `binary_report`; nothing is kept that training could go on from.
    """
    fitted = _fitted(recipe, fold, number, run, tracker, watch)
    logits, labels = _score(recipe, fold.dev, fitted.backbone), recipe.labels[fold.dev]
    return binary_report(logits, labels, choose_threshold(logits, labels, recipe.cv.threshold))


@dataclass(frozen=True)
class _Fitted:
    """A backbone with the weights of the chosen epoch, and what it took.

    Attributes:
        seconds: of training since the fold was begun, or gone on with.
        earlier: seconds of the epochs that it was gone on from.
        images: trained on in `seconds`.
    """

    backbone: Backbone
    card: dict[str, Any]
    weights: dict[str, Tensor]
    seconds: float
    earlier: float
    images: int


def _fitted(
    recipe: Recipe,
    fold: Fold,
    number: int,
    run: Path,
    tracker: Tracker,
    watch: L.Callback | None = None,
) -> _Fitted:
    folder = fold_folder(run, number)
    folder.mkdir(parents=True, exist_ok=True)
    seed = int(np.random.default_rng([recipe.seed, number]).integers(2**31))
    L.seed_everything(seed, verbose=False)
    tracker.start_fold(number)
    module = _new_module(recipe, fold, number, seed)
    epochs = read_epochs(folder / METRICS) if (folder / METRICS).exists() else []
    earlier = float(np.nansum([row.get("seconds", 0.0) for row in epochs]))
    started = time.perf_counter()
    with explain_out_of_memory(f"fold {number}", recipe.batch_size):
        images = _fit(recipe, fold, number, run, module, tracker, seed, watch)
    seconds = time.perf_counter() - started
    card, weights = read_checkpoint(folder / BEST)
    module.backbone.load_state_dict(weights)
    return _Fitted(module.backbone, card, weights, seconds, earlier, images)


def _new_module(recipe: Recipe, fold: Fold, number: int, seed: int) -> BinaryClassifier:
    backbone = recipe.backbone()
    if recipe.cv.start_from is not None:
        weights = start_weights(Path(recipe.cv.start_from), number, backbone)
        backbone.network.load_state_dict(weights)
        backbone.is_pretrained, backbone.starts_from_patches = True, False
    loss = recipe.loss(class_counts(recipe.labels[fold.fit]))
    return BinaryClassifier(
        backbone, loss, recipe.optim, recipe.cv.threshold, seed, recipe.card, number
    )


def _fit(
    recipe: Recipe,
    fold: Fold,
    number: int,
    run: Path,
    module: BinaryClassifier,
    tracker: Tracker,
    seed: int,
    watch: L.Callback | None,
) -> int:
    """Train until best.ckpt is what it shall be; return the number of images trained on."""
    folder = fold_folder(run, number)
    labels = recipe.labels[fold.fit]
    sampler = recipe.sampler(labels, seed)
    augment = FoldAugmentation(recipe.augment, seed, class_counts(labels))
    record = EpochRecord(folder / METRICS, tracker.log_epoch)
    keep = SaveBestAndLast(folder, recipe.cv.select, resumable=watch is None)
    before = len(record.rows)
    checkpoint_io = BackgroundCheckpointIO()
    trainer = recipe.trainer(
        callbacks=[
            SilenceWarnings(),
            EndOnSigterm(),
            Compiled(recipe.compile_mode),
            Progress(),
            *weight_callbacks(recipe.optim, module.backbone.is_pretrained),
            Feedback(sampler, fold.fit),
            record,
            EpochBar(f"fold {number + 1}/{recipe.cv.models}"),
            keep,
            *([] if watch is None else [watch]),
        ],
        # A job of a cluster trains on its own devices, however many tasks the cluster counts.
        plugins=[checkpoint_io, LightningEnvironment()],
        default_root_dir=run,
    )
    several = trainer.world_size > 1
    if several:
        record.on_epoch = to_nobody  # the tracker stays here, and is told afterwards
    pixels = recipe.pixels if several else recipe.resident
    datamodule = FoldDataModule(pixels, recipe.labels, fold, sampler, augment, recipe.batch_size)
    last = folder / LAST if (folder / LAST).exists() else None
    if last is None:
        for prepare in (prepare_filters, prepare_head, prepare_probe):
            prepare(
                module.backbone,
                recipe.pixels,
                recipe.labels,
                fold.fit,
                recipe.device,
                recipe.precision,
                seed,
            )
    if trainer.max_epochs == 0:
        trainer.validate(module, datamodule=datamodule, verbose=False)
        for callback in (record, keep):
            callback.on_train_epoch_end(trainer, module)
        checkpoint_io.teardown()
        return 0
    try:
        _train(trainer, module, datamodule, last)
    except EndedProcess as error:
        raise reason(error, number) from error
    except BaseException:
        stop(trainer)
        raise
    rows = read_epochs(folder / METRICS) if several else record.rows
    if several:
        log_epochs(tracker, rows[before:])
    # Fewer than the sampler's, where the trainer limits the batches of an epoch.
    seen = min(len(sampler), trainer.num_training_batches * recipe.batch_size * trainer.world_size)
    return int(seen) * (len(rows) - before)


def _train(
    trainer: L.Trainer, module: BinaryClassifier, datamodule: FoldDataModule, last: Path | None
) -> None:
    try:
        trainer.fit(module, datamodule=datamodule, ckpt_path=last, weights_only=True)
    except (*DAMAGE, RuntimeError, AssertionError) as error:
        if last is None or module.has_begun:
            raise
        raise cannot_resume(last, type(error).__name__) from error


def weight_callbacks(optim: OptimizerRecipe, is_pretrained: bool) -> list[L.Callback]:
    """Return what freezes and averages weights, where the recipe asks for it.

    >>> import torch
    >>> optim = OptimizerRecipe(torch.optim.SGD, lr=0.1, frozen=0.5, ema=0.99)
    >>> [type(callback).__name__ for callback in weight_callbacks(optim, is_pretrained=True)]
    ['UnfreezeBackbone', 'MovingAverage']
    >>> [type(callback).__name__ for callback in weight_callbacks(optim, is_pretrained=False)]
    ['MovingAverage']
    """
    callbacks: list[L.Callback] = []
    # Random weights hold nothing that freezing could keep.
    if optim.frozen > 0 and is_pretrained:
        callbacks.append(UnfreezeBackbone(optim.freezing))
    if optim.ema is not None:
        callbacks.append(MovingAverage(optim.ema))
    return callbacks


def _deployed_rule(recipe: Recipe, fold: Fold, result: FoldResult) -> DecisionRule:
    """Choose the predictor's threshold on dev and test: on three times as many images as on dev.

    The network was fitted on neither. What is reported of test keeps the threshold chosen on dev.
    """
    logits = np.concatenate([result.dev_logits, result.test_logits])
    labels = recipe.labels[np.concatenate([fold.dev, fold.test])]
    return decision_rule(logits, labels, recipe.cv.threshold)


def _judge(recipe: Recipe, fold: Fold, number: int, fitted: _Fitted) -> FoldResult:
    """Score dev and test with the weights of the chosen epoch; choose the threshold on dev."""
    dev, test = (_score(recipe, rows, fitted.backbone) for rows in (fold.dev, fold.test))
    return FoldResult(
        fold=number,
        epoch=int(fitted.card["epoch"]),
        threshold=choose_threshold(dev, recipe.labels[fold.dev], recipe.cv.threshold),
        seconds=fitted.earlier + fitted.seconds,
        images_per_second=fitted.images / fitted.seconds,
        dev_logits=dev,
        test_logits=test,
    )


def _score(recipe: Recipe, rows: NDArray[np.int64], backbone: Backbone) -> NDArray[np.float64]:
    return score_images(
        backbone,
        recipe.resident,
        rows,
        recipe.device,
        recipe.precision,
        SCORED * recipe.batch_size,
        recipe.cv.tta,
    )
