"""Save checkpoints: the weights of the best epoch and the whole state of the last one."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import lightning as L
import torch
from lightning.pytorch.callbacks import WeightAveraging

from imbclf.errors import UserError
from imbclf.evaluation.fold_files import (
    BEST,
    LAST,
)

Select = Literal["hter", "auroc", "loss", "last"]


def scored_weights(trainer: L.Trainer, module: L.LightningModule) -> dict[str, Any]:
    """Return a checkpoint of the weights that dev was scored with: averaged ones, if any.

    Lightning's checkpoint without optimizer state would hold the weights of the last step.
    """
    checkpoint: dict[str, Any] = {"epoch": trainer.current_epoch, "state_dict": module.state_dict()}
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, WeightAveraging):
            callback.on_save_checkpoint(trainer, module, checkpoint)
    module.on_save_checkpoint(checkpoint)
    for whole_state in ("current_model_state", "averaging_state"):
        checkpoint.pop(whole_state, None)
    return checkpoint


def cost(select: Select, epoch: int, metrics: Mapping[str, float]) -> float:
    """Return a number that is lowest for the best epoch.

    >>> cost("auroc", 3, {"dev/auroc": 0.9}), cost("hter", 3, {"dev/hter": 0.2})
    (-0.9, 0.2)
    """
    if select == "last":
        return -epoch
    return -metrics["dev/auroc"] if select == "auroc" else metrics[f"dev/{select}"]


class SaveBestAndLast(L.Callback):
    """Save the weights of the epoch that is best on dev, and the whole state of the last one.

    `best.ckpt` is written after an epoch that is better than all before, `last.ckpt` after each.

    Args:
        folder: of the checkpoints.
        select: the best epoch has the lowest `hter` or `loss` or the highest `auroc`, or is the
            `last`.
        resumable: whether `last.ckpt` is written.
    """

    def __init__(self, folder: Path, select: Select, resumable: bool = True) -> None:
        self.folder, self.select, self.resumable = folder, select, resumable
        self.lowest = float("inf")
        self.stopped = False

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:  # noqa: ARG002
        """Train no further where a callback had ended the training before an interruption."""
        trainer.should_stop = trainer.should_stop or self.stopped

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save the epoch."""
        metrics: dict[str, float] = pl_module.epoch_metrics  # type: ignore[assignment]
        now = cost(self.select, trainer.current_epoch, metrics)
        if now < self.lowest:
            self.lowest = now
            trainer.strategy.save_checkpoint(scored_weights(trainer, pl_module), self.folder / BEST)
        if self.resumable:
            self.stopped = trainer.should_stop
            check_states(trainer.callbacks)  # type: ignore[attr-defined]
            trainer.save_checkpoint(self.folder / LAST)

    @property
    def state_key(self) -> str:
        """Return the name of this callback in checkpoints, the same as in version 0.1."""
        return "KeepBest"

    def state_dict(self) -> dict[str, float]:
        """Return the lowest cost so far, and whether training has been stopped."""
        return {"lowest": self.lowest, "stopped": self.stopped}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Restore it; version 0.1 did not store whether training has been stopped."""
        self.lowest, self.stopped = state_dict["lowest"], bool(state_dict.get("stopped", False))


def check_states(callbacks: Sequence[L.Callback]) -> None:
    """Check that the states of callbacks are read back as they are saved.

    A checkpoint is read as tensors and plain values, so that reading it runs no code.

    Raises:
        UserError: names the callback whose state holds something else.
    """
    for callback in callbacks:
        file = BytesIO()
        try:
            torch.save(callback.state_dict(), file)
            file.seek(0)
            torch.load(file, weights_only=True)
        except Exception as error:  # pickle raises many kinds
            raise UserError(
                f"trainer.callbacks: {type(callback).__name__}.state_dict() cannot be saved and "
                "read back; return tensors and plain values (numbers, text, lists, dicts)"
            ) from error
