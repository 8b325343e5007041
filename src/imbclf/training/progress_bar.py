"""The progress bar of a fold."""

from threading import RLock
from typing import Any

import lightning as L
from tqdm.auto import tqdm

# Without the speed, whose unit would flip between steps per second and seconds per step.
FORMAT = (
    "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} steps [{elapsed}<{remaining}{postfix}]"
)


class EpochBar(L.Callback):
    """Show one progress bar over all steps of a fold, on terminals only.

    It is redrawn at intervals of time, as wide as the window then is, and never waits for the
    device within an epoch.

    Args:
        label: of the fold.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self._bar: tqdm[Any] | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:  # noqa: ARG002
        """Open the bar at the current step."""
        # The default lock of tqdm is for several processes and outlives a killed one.
        tqdm.set_lock(RLock())
        self._bar = tqdm(
            total=(trainer.max_epochs or 0) * int(trainer.num_training_batches),
            initial=trainer.current_epoch * int(trainer.num_training_batches),
            desc=self.label,
            bar_format=FORMAT,
            dynamic_ncols=True,
            mininterval=0.5,
            leave=False,
            disable=None if trainer.is_global_zero else True,
        )

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:  # noqa: ARG002
        """Show which epoch is trained."""
        if self._bar is not None:
            epoch = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
            self._bar.set_description_str(f"{self.label}, {epoch}")

    def on_train_batch_end(self, *_: object) -> None:
        """Advance by a step."""
        if self._bar is not None:
            self._bar.update()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:  # noqa: ARG002
        """Show the metrics of the epoch on dev."""
        if self._bar is not None:
            metrics: dict[str, float] = pl_module.epoch_metrics  # type: ignore[assignment]
            self._bar.set_postfix_str(
                f"train loss {metrics['train/loss']:.3f}, dev HTER {metrics['dev/hter']:.4f}, "
                f"AUROC {metrics['dev/auroc']:.4f}",
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
