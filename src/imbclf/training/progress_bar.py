"""The progress bar of a fold."""

from threading import RLock
from typing import Any

import lightning as L
from tqdm.auto import tqdm


class EpochBar(L.Callback):
    """Show one progress bar over all steps of a fold, on terminals only.

    It is redrawn at intervals of time and never waits for the device within an epoch.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self._bar: tqdm[Any] | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:  # noqa: ARG002
        """Open the bar at the current step."""
        # The default lock of tqdm is for several processes and outlives a killed one.
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
        """Advance by a step."""
        if self._bar is not None:
            self._bar.update()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Show the metrics of the epoch on dev."""
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
