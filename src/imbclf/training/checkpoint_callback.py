"""What of a training is kept on disk: the chosen epoch's weights and the state of the last one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import lightning as L
from lightning.pytorch.callbacks import WeightAveraging

from imbclf.evaluation.run_directory import BEST, LAST

Select = Literal["hter", "auroc", "loss", "last"]


def judged_weights(trainer: L.Trainer, module: L.LightningModule) -> dict[str, Any]:
    """Return a checkpoint of the weights that dev was scored with, averaged where asked for.

    A checkpoint that Lightning makes without the optimizer's state holds those of the last step.
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
    """Return what the best epoch has least of.

    >>> cost("auroc", 3, {"dev/auroc": 0.9}), cost("hter", 3, {"dev/hter": 0.2})
    (-0.9, 0.2)
    """
    if select == "last":
        return -epoch
    return -metrics["dev/auroc"] if select == "auroc" else metrics[f"dev/{select}"]


class SaveBestAndLast(L.Callback):
    """Keep the weights of the epoch that is best on dev, and the whole state of the last one.

    `best.ckpt` and `last.ckpt` are written after every epoch that deserves it. Of equally good
    epochs the first is kept.

    Args:
        folder: where to write.
        select: what is judged: lowest `hter` or `loss`, highest `auroc`, or just the `last` epoch.
        resumable: whether the last epoch's state is kept.
    """

    def __init__(self, folder: Path, select: Select, resumable: bool = True) -> None:
        self.folder, self.select, self.resumable = folder, select, resumable
        self.lowest = float("inf")

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save what deserves it."""
        metrics: dict[str, float] = pl_module.epoch_metrics  # type: ignore[assignment]
        now = cost(self.select, trainer.current_epoch, metrics)
        if now < self.lowest:
            self.lowest = now
            trainer.strategy.save_checkpoint(judged_weights(trainer, pl_module), self.folder / BEST)
        if self.resumable:
            trainer.save_checkpoint(self.folder / LAST)

    @property
    def state_key(self) -> str:
        """Name of this callback in checkpoints, those of version 0.1 included."""
        return "KeepBest"

    def state_dict(self) -> dict[str, float]:
        """Return what going on after an interruption needs."""
        return {"lowest": self.lowest}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Take up where `state_dict` left off."""
        self.lowest = state_dict["lowest"]
