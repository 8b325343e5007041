"""Callbacks of training: schedules, freezing, averaged weights, metrics per epoch, progress bar."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any

import lightning as L
import pandas as pd
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor, nn
from tqdm.auto import tqdm

from imbclf.evaluation.run_directory import read_epochs
from imbclf.models.freezing import Freezing, stages_of, unfreeze
from imbclf.training.batch_sampler import IndexBatches
from imbclf.utils.files import atomic_write


def training_progress(trainer: L.Trainer) -> float:
    """Return the share of training that is done as an epoch starts, epoch / max_epochs."""
    return trainer.current_epoch / max(1, trainer.max_epochs or 1)


class Progress(L.Callback):
    """Pass the share of training that is done to loss and sampler, at each epoch's start.

    Either may have `set_progress(fraction)`, for a schedule.
    """

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Pass on epoch / max_epochs."""
        fraction = training_progress(trainer)
        parts: list[object] = [pl_module.loss]
        batches = getattr(trainer.train_dataloader, "batch_sampler", None)
        if isinstance(batches, IndexBatches):
            parts.append(batches.sampler)
        for part in parts:
            set_progress = getattr(part, "set_progress", None)
            if set_progress is not None:
                set_progress(fraction)


class CompileNetwork(L.Callback):
    """Compile the network with `torch.compile`, in each process that trains it.

    It is compiled in place: the names of the weights, and so the checkpoints, stay what they are.

    Args:
        mode: of `torch.compile`; None leaves the network as it is.
    """

    def __init__(self, mode: str | None) -> None:
        self.mode = mode

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:  # noqa: ARG002
        """Compile before the first step."""
        if self.mode is not None:
            pl_module.backbone.network.compile(mode=self.mode)  # type: ignore[union-attr]


class UnfreezeBackbone(L.Callback):
    """Freeze and unfreeze the backbone's stages, as each epoch starts.

    Args:
        freezing: which stages are trained when.
    """

    def __init__(self, freezing: Freezing) -> None:
        self.freezing = freezing

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Freeze the stages that this epoch does not train."""
        network: nn.Module = pl_module.backbone.network  # type: ignore[union-attr, assignment]
        stages = stages_of(network)
        trained = self.freezing.trained_stages(training_progress(trainer), len(stages))
        unfreeze(network, stages, trained)


class MovingAverage(WeightAveraging):
    """Score and save an exponential moving average of the weights and of batch statistics.

    average <- d average + (1 - d) weights after each step n, where d = min(decay, (1 + n) /
    (10 + n)): a short training is not averaged with its beginning (as in TensorFlow's
    ExponentialMovingAverage).

    Args:
        decay: d in the long run, 0 to 1.
    """

    def __init__(self, decay: float) -> None:
        super().__init__(avg_fn=partial(moving_average, decay))


def moving_average(decay: float, mean: Tensor, weights: Tensor, steps: Tensor | int) -> Tensor:
    """Return the average after one more step, as in `MovingAverage`; integers are not averaged.

    >>> import torch
    >>> moving_average(0.99, torch.zeros(1), torch.ones(1), steps=0)
    tensor([0.9000])
    """
    share = 1 - min(decay, (1 + float(steps)) / (10 + float(steps)))
    return mean.lerp(weights, share) if mean.is_floating_point() else weights


def ignore_epoch(epoch: int, metrics: Mapping[str, float]) -> None:
    """Replace the tracker in the processes of several devices, which log afterwards."""


class EpochRecord(L.Callback):
    """Keep every epoch's metrics, and the seconds it took, in a CSV file and hand them on.

    Args:
        path: the CSV file; rows already there (of an interrupted run) are kept.
        on_epoch: called with the epoch and its metrics.
    """

    def __init__(self, path: Path, on_epoch: Callable[[int, Mapping[str, float]], None]) -> None:
        self.path, self.on_epoch = path, on_epoch
        self.rows: list[dict[str, float]] = []
        if path.exists():
            self.rows = read_epochs(path)
        self._began = time.perf_counter()

    def on_train_epoch_start(self, *_: object) -> None:
        """Note the time."""
        self._began = time.perf_counter()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the epoch down; of several devices the first does."""
        if not trainer.is_global_zero:
            return
        reached: dict[str, float] = pl_module.epoch_metrics  # type: ignore[assignment]
        metrics = {**reached, "seconds": time.perf_counter() - self._began}
        earlier = [row for row in self.rows if row["epoch"] < trainer.current_epoch]
        self.rows = [*earlier, {"epoch": trainer.current_epoch, **metrics}]
        with atomic_write(self.path) as beside:
            pd.DataFrame(self.rows).to_csv(beside, index=False)
        self.on_epoch(trainer.current_epoch, metrics)


class EpochBar(L.Callback):
    """Show one progress bar over all steps of a fold, on terminals only.

    It is redrawn by time, not by step, and never asks the device for a number within an epoch.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self._bar: tqdm[Any] | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:  # noqa: ARG002
        """Open the bar where training stands."""
        # That of tqdm is for several processes, and outlives one that is ended by a signal.
        tqdm.set_lock(RLock())
        self._bar = tqdm(
            total=int(trainer.estimated_stepping_batches),
            initial=trainer.global_step,
            desc=self.label,
            unit="step",
            mininterval=0.5,
            leave=False,
            disable=None if trainer.is_global_zero else True,
        )

    def on_train_batch_end(self, *_: object) -> None:
        """Move on by a step."""
        if self._bar is not None:
            self._bar.update()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Show what the epoch reached on dev."""
        if self._bar is not None:
            metrics: dict[str, float] = pl_module.epoch_metrics  # type: ignore[assignment]
            self._bar.set_postfix_str(
                f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}, dev HTER "
                f"{metrics['dev/hter']:.4f}, AUROC {metrics['dev/auroc']:.4f}",
                refresh=False,
            )

    def on_fit_end(self, *_: object) -> None:
        """Close the bar."""
        self._close()

    def on_exception(self, *_: object) -> None:
        """Close the bar."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
