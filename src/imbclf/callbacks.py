"""What happens around training: schedules, records, a progress bar, checkpoints."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import lightning as L
import pandas as pd
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from tqdm import tqdm

from imbclf.atomic import whole_file
from imbclf.batches import IndexBatches

Select = Literal["hter", "auroc", "loss", "last"]
BEST, LAST, METRICS = "best.ckpt", "last.ckpt", "metrics.csv"


class Progress(L.Callback):
    """Tell the loss and the sampler, at each epoch's start, the share of training that is done.

    Either may have `set_progress(fraction)`; that is all that a schedule of theirs needs.
    """

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Pass on epoch / max_epochs."""
        fraction = trainer.current_epoch / max(1, trainer.max_epochs or 1)
        parts: list[object] = [pl_module.loss]
        batches = getattr(trainer.train_dataloader, "batch_sampler", None)
        if isinstance(batches, IndexBatches):
            parts.append(batches.sampler)
        for part in parts:
            set_progress = getattr(part, "set_progress", None)
            if set_progress is not None:
                set_progress(fraction)


def read_epochs(path: Path) -> list[dict[str, float]]:
    """Read what `EpochRecord` wrote: an epoch's number and metrics a row."""
    rows = pd.read_csv(path).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


class EpochRecord(L.Callback):
    """Keep every epoch's metrics in a CSV file and hand them on.

    Args:
        path: the CSV file; rows already there (of an interrupted run) are kept.
        on_epoch: called with the epoch and its metrics.
    """

    def __init__(self, path: Path, on_epoch: Callable[[int, Mapping[str, float]], None]) -> None:
        self.path, self.on_epoch = path, on_epoch
        self.rows: list[dict[str, float]] = []
        if path.exists():
            self.rows = read_epochs(path)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the epoch down."""
        metrics: dict[str, float] = pl_module.epoch_metrics  # type: ignore[assignment]
        earlier = [row for row in self.rows if row["epoch"] < trainer.current_epoch]
        self.rows = [*earlier, {"epoch": trainer.current_epoch, **metrics}]
        with whole_file(self.path) as beside:
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
        self._bar = tqdm(
            total=int(trainer.estimated_stepping_batches),
            initial=trainer.global_step,
            desc=self.label,
            unit="step",
            mininterval=0.5,
            leave=False,
            disable=None,
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


class WholeCheckpointIO(TorchCheckpointIO):
    """Save checkpoints whole or not at all: a full disk or a kill leaves the last good one."""

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | Path,
        storage_options: object = None,  # noqa: ARG002
    ) -> None:
        """Write beside, sync, rename."""
        with whole_file(Path(path)) as beside:
            torch.save(checkpoint, beside)


class KeepBest(L.Callback):
    """Keep the weights of the epoch that is best on dev, and the whole state of the last one.

    `best.ckpt` and `last.ckpt` are written after every epoch that deserves it. Of equally good
    epochs the first is kept.

    Args:
        folder: where to write.
        select: what is judged: lowest `hter` or `loss`, highest `auroc`, or just the `last` epoch.
    """

    def __init__(self, folder: Path, select: Select) -> None:
        self.folder, self.select = folder, select
        self.lowest = float("inf")

    def cost(self, epoch: int, metrics: Mapping[str, float]) -> float:
        """Give what the best epoch has least of."""
        if self.select == "last":
            return -epoch
        return -metrics["dev/auroc"] if self.select == "auroc" else metrics[f"dev/{self.select}"]

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save what deserves it."""
        cost = self.cost(trainer.current_epoch, pl_module.epoch_metrics)  # type: ignore[arg-type]
        if cost < self.lowest:
            self.lowest = cost
            trainer.save_checkpoint(self.folder / BEST, weights_only=True)
        trainer.save_checkpoint(self.folder / LAST)

    def state_dict(self) -> dict[str, float]:
        """Give what going on after an interruption needs."""
        return {"lowest": self.lowest}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Take up where `state_dict` left off."""
        self.lowest = state_dict["lowest"]
