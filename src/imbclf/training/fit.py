"""Fit one fold: from the parts of an experiment to the weights of the chosen epoch."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from torch import Tensor, nn

from imbclf.augment import FoldAugmentation
from imbclf.data.splits import Fold
from imbclf.evaluation.run_directory import BEST, LAST, METRICS, fold_folder, read_epochs
from imbclf.models.probes.build import with_probe
from imbclf.prediction.fold_model import load_weights, read_checkpoint
from imbclf.samplers import IndexSampler
from imbclf.tracking.base import Tracker, log_epochs
from imbclf.training.callbacks import (
    CompileNetwork,
    EpochBar,
    EpochRecord,
    MovingAverage,
    Progress,
    UnfreezeBackbone,
    ignore_epoch,
)
from imbclf.training.checkpoint_callback import SaveBestAndLast
from imbclf.training.checkpoint_io import BackgroundCheckpointIO, cannot_resume
from imbclf.training.datamodule import FoldDataModule
from imbclf.training.distributed import EndedProcess, EndOnSigterm, as_local_error, kill_processes
from imbclf.training.initialization import initialize
from imbclf.training.lightning_module import BinaryClassifier
from imbclf.training.lightning_warnings import SilenceWarnings
from imbclf.training.optim import OptimizerRecipe
from imbclf.training.recipe import Recipe
from imbclf.training.sampler_feedback import Feedback
from imbclf.training.start_from import start_weights
from imbclf.utils.arrays import class_counts
from imbclf.utils.out_of_memory import explain_out_of_memory
from imbclf.utils.safe_reading import DAMAGE


@dataclass(frozen=True)
class FittedFold:
    """A network with the weights of the chosen epoch.

    Attributes:
        network: uint8 images to logits, averaged with those of the probe if there is one.
        card: what the checkpoint holds beside the weights.
        weights: of the fold model, by their names in files.
        seconds: of training, those before an interruption included.
        images_per_second: trained on since the fold was started or resumed.
    """

    network: nn.Module
    card: dict[str, Any]
    weights: dict[str, Tensor]
    seconds: float
    images_per_second: float


@dataclass(frozen=True)
class _Task:
    """One fold of an experiment."""

    recipe: Recipe
    fold: Fold
    number: int
    run: Path

    @property
    def folder(self) -> Path:
        return fold_folder(self.run, self.number)

    @property
    def seed(self) -> int:
        return int(np.random.default_rng([self.recipe.parts.seed, self.number]).integers(2**31))


def fit_fold(
    recipe: Recipe,
    fold: Fold,
    number: int,
    run: Path,
    tracker: Tracker,
    watch: L.Callback | None = None,
) -> FittedFold:
    """Train one fold, or resume it after its last whole epoch.

    Args:
        recipe: the parts of the experiment.
        fold: its fit and dev parts are used.
        number: of the fold.
        run: the run directory.
        tracker: where epochs are logged.
        watch: a callback that runs after all others; with one, no state to resume from is kept.

    Raises:
        UserError: what the user can fix, such as a checkpoint that does not fit.
    """
    task = _Task(recipe, fold, number, run)
    task.folder.mkdir(parents=True, exist_ok=True)
    L.seed_everything(task.seed, verbose=False)
    tracker.start_fold(number)
    module = build_module(recipe, fold, number, task.seed)
    record = EpochRecord(task.folder / METRICS, tracker.log_epoch)
    earlier = float(np.nansum([row.get("seconds", 0.0) for row in record.rows]))
    started = time.perf_counter()
    with explain_out_of_memory(f"fold {number}", recipe.parts.data.batch_size):
        images = _fit(task, module, record, tracker, watch)
    seconds = time.perf_counter() - started
    card, weights = read_checkpoint(task.folder / BEST)
    load_weights(module.backbone, module.probe, weights)
    network = with_probe(module.backbone, module.probe)
    return FittedFold(network, card, weights, earlier + seconds, images / seconds)


def build_module(recipe: Recipe, fold: Fold, number: int, seed: int) -> BinaryClassifier:
    """Return the Lightning module of one fold before its training."""
    backbone = recipe.parts.model()
    if recipe.parts.cv.start_from is not None:
        weights = start_weights(Path(recipe.parts.cv.start_from), number, backbone)
        backbone.network.load_state_dict(weights)
        backbone.is_pretrained, backbone.starts_from_patches = True, False
    loss = recipe.parts.loss(class_counts(recipe.labels[fold.fit]))
    return BinaryClassifier(
        backbone, loss, recipe.parts.optim, recipe.parts.cv.threshold, seed, recipe.card, number
    )


def _fit(
    task: _Task,
    module: BinaryClassifier,
    record: EpochRecord,
    tracker: Tracker,
    watch: L.Callback | None,
) -> int:
    """Train until best.ckpt is final; return the number of images trained on."""
    recipe, last = task.recipe, task.folder / LAST
    sampler = recipe.parts.sampler(recipe.labels[task.fold.fit], task.seed)
    keep = SaveBestAndLast(task.folder, recipe.parts.cv.select, resumable=watch is None)
    checkpoint_io = BackgroundCheckpointIO()
    trainer = recipe.parts.trainer(
        callbacks=[
            *_training_callbacks(task, module, sampler),
            record,
            EpochBar(f"fold {task.number + 1}/{recipe.parts.cv.models}"),
            keep,
            *([] if watch is None else [watch]),
        ],
        # A job of a cluster trains on its own devices, however many tasks the cluster counts.
        plugins=[checkpoint_io, LightningEnvironment()],
        default_root_dir=task.run,
    )
    several, before = trainer.world_size > 1, len(record.rows)
    datamodule = _datamodule(task, sampler, several)
    if not last.exists():
        _initialize(task, module)
    if trainer.max_epochs == 0:
        trainer.validate(module, datamodule=datamodule, verbose=False)
        for callback in (record, keep):
            callback.on_train_epoch_end(trainer, module)
        checkpoint_io.teardown()
        return 0
    if several:
        record.on_epoch = ignore_epoch  # the tracker stays in this process and logs afterwards
    _train(trainer, module, datamodule, last if last.exists() else None, task.number)
    rows = read_epochs(record.path) if several else record.rows
    if several:
        log_epochs(tracker, rows[before:])
    # Fewer than the sampler's, where the trainer limits the batches of an epoch.
    seen = min(
        len(sampler),
        trainer.num_training_batches * recipe.parts.data.batch_size * trainer.world_size,
    )
    return int(seen) * (len(rows) - before)


def _training_callbacks(
    task: _Task, module: BinaryClassifier, sampler: IndexSampler
) -> list[L.Callback]:
    recipe = task.recipe
    return [
        SilenceWarnings(),
        EndOnSigterm(),
        CompileNetwork(recipe.parts.compile_mode),
        Progress(),
        *weight_callbacks(recipe.parts.optim, module.backbone.is_pretrained),
        Feedback(sampler, task.fold.fit),
    ]


def weight_callbacks(optim: OptimizerRecipe, is_pretrained: bool) -> list[L.Callback]:
    """Return the callbacks that freeze and average weights, where the recipe asks for it.

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


def _datamodule(task: _Task, sampler: IndexSampler, several: bool) -> FoldDataModule:
    recipe = task.recipe
    augment = FoldAugmentation(
        recipe.parts.augment, task.seed, class_counts(recipe.labels[task.fold.fit])
    )
    pixels = recipe.pixels if several else recipe.resident
    return FoldDataModule(
        pixels, recipe.labels, task.fold, sampler, augment, recipe.parts.data.batch_size
    )


def _initialize(task: _Task, module: BinaryClassifier) -> None:
    recipe = task.recipe
    initialize(
        module.backbone,
        module.probe,
        recipe.pixels,
        recipe.labels,
        task.fold.fit,
        recipe.parts.device,
        recipe.parts.precision,
        task.seed,
    )


def _train(
    trainer: L.Trainer,
    module: BinaryClassifier,
    datamodule: FoldDataModule,
    last: Path | None,
    number: int,
) -> None:
    try:
        trainer.fit(module, datamodule=datamodule, ckpt_path=last, weights_only=True)
    except EndedProcess as error:
        raise as_local_error(error, number) from error
    except BaseException as error:
        kill_processes(trainer)
        damaged = isinstance(error, (*DAMAGE, RuntimeError, AssertionError))
        if last is None or module.has_begun or not damaged:
            raise
        raise cannot_resume(last, type(error).__name__) from error
