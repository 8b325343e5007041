"""Lines of text about a training: one per epoch, and one on the time of the whole."""

import logging
import sys
import time
from dataclasses import replace
from pathlib import Path

import lightning as L
import torch
from tqdm.auto import tqdm

from imbclf.training.callbacks import EpochRecord
from imbclf.training.pace import Place, Workload, about

log = logging.getLogger("imbclf")
WARMUP_STEPS = 3  # compilation and first allocations, which no later step repeats
MEASURED_SECONDS = 2.0


class EpochLines(L.Callback):
    """Log a line per epoch, and after the first steps how long all folds are going to take.

    A terminal has a bar instead of the lines per epoch (`progress` marks their records, so that its
    handler can leave them out); the log file has them always.

    Args:
        place: of the fold among those that are trained.
        dev: number of images that are scored after each epoch.
        test: number of images that are scored, with dev, at the end.
        batch_size: images per step.
        record: has written the epoch before this callback runs.
        run: the run directory, for the log file of processes that a trainer starts.
    """

    def __init__(
        self, place: Place, dev: int, test: int, batch_size: int, record: EpochRecord, run: Path
    ) -> None:
        self.place, self.record, self.run = place, record, run
        self.work = Workload(0, 0, batch_size, dev, test)
        self._steps, self._began = 0, 0.0
        self._estimates = place.number == 1 and not record.rows

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:  # noqa: ARG002
        """Count the work; send messages of a process of one device where those of others go."""
        epochs, steps = trainer.max_epochs or 0, int(trainer.num_training_batches)
        self.work = replace(self.work, epochs=epochs, steps=steps)
        if trainer.world_size > 1 and trainer.is_global_zero and not log.handlers:
            log.setLevel(logging.INFO)
            log.addHandler(logging.FileHandler(self.run / "train.log", encoding="utf-8"))
            if not sys.stdout.isatty():
                log.addHandler(logging.StreamHandler(sys.stdout))

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        *_: object,
    ) -> None:
        """Measure the first steps."""
        if not self._estimates or not trainer.is_global_zero:
            return
        self._steps += 1
        if self._steps == WARMUP_STEPS:
            wait_for(pl_module.device)
            self._began = time.perf_counter()
        measured = self._steps - WARMUP_STEPS
        if measured > 0 and time.perf_counter() - self._began >= MEASURED_SECONDS:
            wait_for(pl_module.device)
            step_seconds = (time.perf_counter() - self._began) / measured
            self._log_estimate(self.work.epoch_seconds(step_seconds), 0)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:  # noqa: ARG002
        """Log the epoch."""
        if not trainer.is_global_zero:
            return
        row = self.record.rows[-1]
        if self._estimates:
            self._log_estimate(row["seconds"], 1)
        left = self._seconds_left(row["seconds"], int(row["epoch"]))
        log.info(
            "%s   epoch %d/%d  train loss %.4f; dev loss %.4f, HTER %.4f, AUROC %.4f  "
            "(%.1f s, about %s left)",
            self.place.label,
            row["epoch"],
            self.work.epochs,
            row["train/loss"],
            row["dev/loss"],
            row["dev/hter"],
            row["dev/auroc"],
            row["seconds"],
            about(left),
            extra={"progress": True},
        )

    def _log_estimate(self, epoch_seconds: float, epochs_done: int) -> None:
        self._estimates = False
        folds = self.place.folds
        with tqdm.external_write_mode():
            log.info(
                "time     about %s for %s of %d %s",
                about(self._seconds_left(epoch_seconds, epochs_done)),
                "1 fold" if folds == 1 else f"{folds} folds",
                self.work.epochs,
                "epoch" if self.work.epochs == 1 else "epochs",
            )

    def _seconds_left(self, epoch_seconds: float, epochs_done: int) -> float:
        folds = self.place.folds - self.place.number + 1
        return self.work.seconds_left(epoch_seconds, epochs_done, folds)


def wait_for(device: torch.device) -> None:
    """Wait for what a GPU has queued: without it, the time is that of queueing."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
