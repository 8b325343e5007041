"""Train one fold and return the weights of its chosen epoch."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.loggers import Logger
from torch import Tensor, nn

from imbclf.data.splits import Fold
from imbclf.errors import UserError
from imbclf.evaluation.fold_files import (
    BEST,
    LAST,
    METRICS,
    read_epochs,
)
from imbclf.models.probes.build import with_probe
from imbclf.prediction.fold_model import load_weights, read_checkpoint
from imbclf.tracking.base import Tracker, log_epochs
from imbclf.training.callbacks import EpochRecord, ignore_epoch
from imbclf.training.checkpoint_callback import SaveBestAndLast
from imbclf.training.checkpoint_io import BackgroundCheckpointIO, cannot_resume
from imbclf.training.closed_form import fit_closed_form
from imbclf.training.datamodule import FoldDataModule
from imbclf.training.distributed import EndedProcess, as_local_error, kill_processes
from imbclf.training.fold_setup import (
    FoldTask,
    build_datamodule,
    build_module,
    epoch_lines,
    initialize_module,
    training_callbacks,
)
from imbclf.training.lightning_module import BinaryClassifier
from imbclf.training.pace import Place
from imbclf.training.progress_bar import EpochBar
from imbclf.training.recipe import Recipe
from imbclf.utils.out_of_memory import explain_out_of_memory
from imbclf.utils.safe_reading import DAMAGE


@dataclass(frozen=True)
class FittedFold:
    """A network with the weights of the chosen epoch.

    Attributes:
        network: uint8 images to logits, averaged with those of the probe if there is one.
        metadata: plain values of the checkpoint: architecture, decision rule, epoch.
        weights: of the fold model, by their names in files.
        seconds: of training, including those before an interruption.
        images_per_second: training speed since the fold was started or resumed.
    """

    network: nn.Module
    metadata: dict[str, Any]
    weights: dict[str, Tensor]
    seconds: float
    images_per_second: float


def fit_fold(
    recipe: Recipe,
    fold: Fold,
    number: int,
    run: Path,
    tracker: Tracker,
    callback: L.Callback | None = None,
    place: Place | None = None,
) -> FittedFold:
    """Train one fold, or resume it after its last whole epoch.

    Args:
        recipe: the parts of the experiment.
        fold: its fit and dev parts are used.
        number: of the fold.
        run: the run directory.
        tracker: where epochs are logged.
        callback: runs after all others; with one, no state to resume from is kept.
        place: of the fold among those that are trained, for messages.

    Raises:
        UserError: something the user can fix, such as a checkpoint that does not fit.
    """
    task = FoldTask(recipe, fold, number, run, place or Place(f"fold {number}"))
    task.folder.mkdir(parents=True, exist_ok=True)
    L.seed_everything(task.seed, verbose=False)
    tracker.start_fold(number)
    if recipe.is_frozen:
        return _fit_head(task, tracker)
    module = build_module(recipe, fold, number, task.seed)
    record = EpochRecord(task.folder / METRICS, tracker.log_epoch)
    earlier = float(np.nansum([row.get("seconds", 0.0) for row in record.rows]))
    started = time.perf_counter()
    with explain_out_of_memory(f"fold {number}", recipe.parts.batch_size):
        images = _fit(task, module, record, tracker, callback)
    seconds = time.perf_counter() - started
    metadata, weights = read_checkpoint(task.folder / BEST)
    load_weights(module.backbone, module.probe, weights)
    network = with_probe(module.backbone, module.probe)
    return FittedFold(network, metadata, weights, earlier + seconds, images / seconds)


def _fit_head(task: FoldTask, tracker: Tracker) -> FittedFold:
    """Fit a head to embedded images; it takes seconds, and is not resumed but fitted again."""
    embedding, started = task.recipe.embedding, time.perf_counter()
    backbone, metadata = fit_closed_form(task, embedding, tracker)
    seconds = time.perf_counter() - started
    speed = len(task.fold.fit) / seconds
    return FittedFold(backbone, metadata, backbone.state_dict(), seconds, speed)


def _fit(
    task: FoldTask,
    module: BinaryClassifier,
    record: EpochRecord,
    tracker: Tracker,
    callback: L.Callback | None,
) -> int:
    """Train until best.ckpt is final; return the number of images trained on."""
    recipe, last = task.recipe, task.folder / LAST
    sampler = recipe.parts.sampler(recipe.labels[task.fold.fit], task.seed)
    keep = SaveBestAndLast(task.folder, recipe.parts.cv.select, resumable=callback is None)
    checkpoint_io = BackgroundCheckpointIO()
    loggers = recipe.parts.loggers(task.run, task.number)
    trainer = recipe.parts.trainer(
        callbacks=[
            *training_callbacks(task, module, sampler),
            record,
            EpochBar(task.place.title),
            epoch_lines(task, record),
            *recipe.parts.callbacks(),
            keep,  # after the user's, whose states it saves
            *([] if callback is None else [callback]),
        ],
        # Not the environment of a cluster: a job trains on its own devices alone.
        logger=loggers or False,
        plugins=[checkpoint_io, LightningEnvironment()],
        default_root_dir=task.run,
    )
    several, before = trainer.world_size > 1, len(record.rows)
    datamodule = build_datamodule(task, sampler, several)
    if not last.exists():
        initialize_module(task, module)
    if trainer.max_epochs == 0:
        trainer.validate(module, datamodule=datamodule, verbose=False)
        for saver in (record, keep):
            saver.on_train_epoch_end(trainer, module)
        checkpoint_io.teardown()
        return 0
    if several:
        record.on_epoch = ignore_epoch  # this process logs the epochs afterwards
    _train(trainer, module, datamodule, last if last.exists() else None, task.number)
    finish(loggers)
    rows = read_epochs(record.path) if several else record.rows
    if several:
        log_epochs(tracker, rows[before:])
    return _epoch_images(trainer, len(sampler), recipe) * (len(rows) - before)


def _epoch_images(trainer: L.Trainer, drawn: int, recipe: Recipe) -> int:
    """Return the images of an epoch: fewer than drawn if the trainer limits the batches."""
    batch = recipe.parts.batch_size * trainer.world_size
    return int(min(drawn, trainer.num_training_batches * batch))


def finish(loggers: Sequence[Logger]) -> None:
    """End the runs of loggers that would else continue with the next fold, as W&B's does."""
    for logger in loggers:
        end = getattr(getattr(logger, "experiment", None), "finish", None)
        if callable(end):
            end()


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
    except MisconfigurationException as error:  # of a callback or a logger
        raise UserError(f"fold {number}, trainer: {error}") from error
    except BaseException as error:
        kill_processes(trainer)
        damaged = isinstance(error, (*DAMAGE, RuntimeError, AssertionError))
        if last is None or module.has_begun or not damaged:
            raise
        raise cannot_resume(last, type(error).__name__) from error
