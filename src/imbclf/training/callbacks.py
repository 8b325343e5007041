"""Callbacks of training: schedules, freezing, averaged weights, metrics per epoch."""

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import lightning as L
import pandas as pd
from lightning.pytorch.callbacks import Timer, WeightAveraging
from torch import Tensor, nn

from imbclf.evaluation.fold_files import read_epochs
from imbclf.models.freezing import Freezing, stages_of, unfreeze
from imbclf.training.batch_sampler import IndexBatches
from imbclf.utils.files import atomic_write

log = logging.getLogger("imbclf")


def training_progress(trainer: L.Trainer) -> float:
    """Return the share of training done at the start of an epoch, epoch / max_epochs."""
    return trainer.current_epoch / max(1, trainer.max_epochs or 1)


class Progress(L.Callback):
    """Pass the share of training done to loss and sampler, at the start of each epoch.

    Either may have a method `set_progress(fraction)`, for a schedule.
    """

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Pass epoch / max_epochs on."""
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

    It is compiled in place, so that the names of the weights in checkpoints stay the same.

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
    """Freeze and unfreeze the backbone's stages at the start of each epoch.

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
    (10 + n)): the average of a short training does not contain its beginning (as in
    TensorFlow's ExponentialMovingAverage).

    Args:
        decay: the limit of d, 0 to 1.
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
    """Ignore an epoch, in place of a tracker in processes of several devices."""


class EpochRecord(L.Callback):
    """Write the metrics and the seconds of every epoch to a CSV file and pass them on.

    Args:
        path: the CSV file; existing rows (of an interrupted run) are kept.
        on_epoch: called with the epoch, counted from 1, and its metrics.
    """

    def __init__(self, path: Path, on_epoch: Callable[[int, Mapping[str, float]], None]) -> None:
        self.path, self.on_epoch = path, on_epoch
        self.rows: list[dict[str, float]] = []
        if path.exists():
            self.rows = read_epochs(path)
        self._began = time.perf_counter()

    def on_train_epoch_start(self, *_: object) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the epoch; of several devices only the first does."""
        if not trainer.is_global_zero:
            return
        reached: dict[str, float] = pl_module.epoch_metrics  # type: ignore[assignment]
        seconds = time.perf_counter() - self._began
        self.write(trainer.current_epoch + 1, {**reached, "seconds": seconds})

    def write(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Write the metrics of an epoch, counted from 1, in place of its earlier ones."""
        self.rows = [
            *(row for row in self.rows if row["epoch"] < epoch),
            {"epoch": epoch, **metrics},
        ]
        with atomic_write(self.path) as temporary:
            pd.DataFrame(self.rows).to_csv(temporary, index=False)
        self.on_epoch(epoch, metrics)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:  # noqa: ARG002
        """Report a training that `trainer.max_time` has cut short; its epochs are fewer."""
        timers = [one for one in trainer.callbacks if isinstance(one, Timer)]  # type: ignore[attr-defined]
        if not trainer.is_global_zero or all((one.time_remaining() or 1) > 0 for one in timers):
            return
        log.warning(
            "%s: trainer.max_time ended it in epoch %d of %s; schedules were made for all of them",
            self.path.parent.name.replace("_", " "),
            len(self.rows),
            trainer.max_epochs,
        )
