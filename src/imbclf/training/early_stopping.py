"""Stop training when a metric on dev has not become better for a while."""

import logging
from collections.abc import Sequence
from typing import Any

import lightning as L
import numpy as np
from tqdm.auto import tqdm

from imbclf.utils.checks import check_choice, check_range

log = logging.getLogger("imbclf")
LOWER = ("dev/loss", "dev/hter", "dev/min_hter", "dev/eer")
HIGHER = ("dev/auroc", "dev/average_precision", "dev/average_precision_minority")


def best_epoch(values: Sequence[float], smooth: int, min_gain: float = 0.0) -> int:
    """Return the epoch, from 1, of the last gain of a smoothed metric; 0 before any epoch.

    The metric is smoothed by its mean over the last `smooth` epochs. An epoch is a gain if that
    mean is higher by more than `min_gain` than at the gain before. The first epochs, which have no
    such mean yet, are not judged: each counts as a gain.

    Args:
        values: of each epoch; higher is better. NaN is no gain.
        smooth: number of epochs.
        min_gain: smallest gain that counts.

    >>> best_epoch([0.5, 0.9, 0.6, 0.6, 0.6], smooth=1), best_epoch([0.5, 0.9, 0.6, 0.6, 0.6], 3)
    (2, 4)
    """
    best, epoch = -np.inf, min(smooth - 1, len(values))
    for number in range(smooth, len(values) + 1):
        mean = float(np.mean(values[number - smooth : number]))
        if mean > best + min_gain:
            best, epoch = mean, number
    return epoch


class EarlyStopping(L.Callback):
    """Stop a fold whose smoothed metric on dev has not become better for `patience` epochs.

    The metric of one epoch is noisy where dev has few images of the rarer label, so its mean over
    `smooth` epochs decides. Only dev is looked at: the test part takes no part in the decision,
    and the HTER of the run stays what it is without early stopping, an estimate on unseen images.
    Schedules are made for `trainer.max_epochs`. A resumed fold stops where an uninterrupted one
    does.

    Args:
        monitor: the metric.
        patience: number of epochs.
        smooth: number of epochs.
        min_gain: smallest gain that counts.

    Raises:
        UserError: a value is out of range.
    """

    def __init__(
        self,
        monitor: str = "dev/auroc",
        patience: int = 8,
        smooth: int = 3,
        min_gain: float = 0.0,
    ) -> None:
        where = "trainer.callbacks.early_stopping"
        check_choice(f"{where}.monitor", monitor, (*HIGHER, *LOWER))
        check_range(f"{where}.patience", patience, at_least=1)
        check_range(f"{where}.smooth", smooth, at_least=1)
        check_range(f"{where}.min_gain", min_gain, at_least=0)
        self.monitor, self.patience, self.smooth, self.min_gain = (
            monitor,
            patience,
            smooth,
            min_gain,
        )
        self.values: list[float] = []

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop if there was no gain for too long."""
        metrics: dict[str, float] = pl_module.epoch_metrics  # type: ignore[assignment]
        sign = 1 if self.monitor in HIGHER else -1
        self.values.append(sign * metrics[self.monitor])
        best = best_epoch(self.values, self.smooth, self.min_gain)
        if len(self.values) - best < self.patience:
            return
        trainer.should_stop = True
        if trainer.is_global_zero and len(self.values) < (trainer.max_epochs or 0):
            with tqdm.external_write_mode():
                log.info(
                    "stopped  after epoch %d/%s: %s, mean of %d epochs, no better since epoch %d",
                    len(self.values),
                    trainer.max_epochs,
                    self.monitor,
                    self.smooth,
                    best,
                )

    def state_dict(self) -> dict[str, Any]:
        """Return the values so far."""
        return {"values": self.values}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the values so far."""
        self.values = list(state_dict["values"])
