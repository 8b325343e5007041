"""The first training steps of a fold, on a network that is thrown away, to measure their time."""

import time
from dataclasses import dataclass

import lightning as L
import torch

from imbclf.training.callbacks import CompileNetwork
from imbclf.training.epoch_lines import WARMUP_STEPS, wait_for
from imbclf.training.fold_setup import (
    FoldTask,
    build_datamodule,
    build_module,
    initialize_module,
)
from imbclf.training.lightning_warnings import SilenceWarnings

LEAST_STEPS, LEAST_SECONDS = 5, 3.0


@dataclass(frozen=True)
class Measured:
    """Times of a fold.

    Attributes:
        steps: of an epoch.
        step_seconds: of a training step.
        setup_seconds: before the first step.
    """

    steps: int
    step_seconds: float
    setup_seconds: float


class StepClock(L.Callback):
    """Measure the time of steps after the first few, and end the training.

    Attributes:
        steps: of an epoch.
        seconds: of each step.
    """

    def __init__(self) -> None:
        self.steps, self.seconds = 0, float("nan")
        self._done, self._began = 0, 0.0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock, for epochs with fewer steps than the warm-up has."""
        self.steps = int(trainer.num_training_batches)
        self._start(pl_module.device)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, *_: object
    ) -> None:
        """Count a step."""
        self._done += 1
        if self._done == min(WARMUP_STEPS, self.steps - 1):
            self._start(pl_module.device)
        measured = self._done - min(WARMUP_STEPS, self.steps - 1)
        is_enough = measured >= LEAST_STEPS and time.perf_counter() - self._began > LEAST_SECONDS
        if measured > 0 and (is_enough or self._done == self.steps):
            wait_for(pl_module.device)
            self.seconds = (time.perf_counter() - self._began) / measured
            trainer.should_stop = True

    def _start(self, device: torch.device) -> None:
        wait_for(device)
        self._began = time.perf_counter()


def measure_steps(task: FoldTask) -> Measured:
    """Measure the time of a fold's setup and of its training steps.

    All stages of the network are trained, also where the recipe freezes them at first, so that
    later epochs take no longer than measured.

    Args:
        task: the fold; nothing is written to its folder.
    """
    began, recipe = time.perf_counter(), task.recipe
    L.seed_everything(task.seed, verbose=False)
    module = build_module(recipe, task.fold, task.number, task.seed)
    sampler = recipe.parts.sampler(recipe.labels[task.fold.fit], task.seed)
    datamodule = build_datamodule(task, sampler, several=False)
    initialize_module(task, module)
    setup_seconds, clock = time.perf_counter() - began, StepClock()
    trainer = recipe.parts.trainer(
        callbacks=[SilenceWarnings(), CompileNetwork(recipe.parts.compile_mode), clock],
        max_epochs=1,
        limit_val_batches=0,
    )
    trainer.fit(module, datamodule=datamodule)
    return Measured(clock.steps, clock.seconds, setup_seconds)
