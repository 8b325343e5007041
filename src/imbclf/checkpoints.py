"""What of a training is kept on disk: the chosen epoch's weights and the state of the last one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import lightning as L
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch.callbacks import WeightAveraging

from imbclf.atomic import whole_file
from imbclf.errors import Interrupted, UserError
from imbclf.untrusted import check_archive

Select = Literal["hter", "auroc", "loss", "last"]
NEEDED = ("state_dict", "loops", "callbacks", "optimizer_states", "lr_schedulers", "global_step")
BEST, LAST = "best.ckpt", "last.ckpt"


class WholeCheckpointIO(TorchCheckpointIO):
    """Save checkpoints whole or not at all: a full disk or a kill leaves the last good one."""

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | Path,
        storage_options: object = None,  # noqa: ARG002
    ) -> None:
        """Write beside, sync, rename.

        Raises:
            OSError: the disk is full, say; torch makes a RuntimeError without a reason of it, and
                of an `Interrupted` too.
        """
        with whole_file(Path(path)) as beside, beside.open("wb") as written:
            try:
                torch.save(checkpoint, written)
            except RuntimeError as error:
                reason = error.__context__
                raise (reason if isinstance(reason, OSError | Interrupted) else error) from None

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Any = None,  # noqa: ANN401
        weights_only: bool | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Read tensors and plain values only, whatever is asked.

        Raises:
            UserError: the file is damaged or holds something else.
        """
        try:
            check_archive(Path(path))
            checkpoint = super().load_checkpoint(path, map_location, weights_only=True)
            # What processes of several devices hand back is weights and nothing else.
            is_weights = all(isinstance(value, torch.Tensor) for value in checkpoint.values())
            missing = [name for name in NEEDED if name not in checkpoint and not is_weights]
        except Exception as error:  # a damaged pickle can fail in any way
            raise not_gone_on_with(path, type(error).__name__) from error
        if missing:
            raise not_gone_on_with(path, f"no {', '.join(missing)}")
        return checkpoint


def not_gone_on_with(path: str | Path, reason: str) -> UserError:
    """Say that training cannot go on from a checkpoint."""
    return UserError(
        f"{path}: not a checkpoint of imbclf-train that holds plain tensors and values only and "
        f"fits this run ({reason}). Remove it, and the fold is trained from its beginning"
    )


def judged_weights(trainer: L.Trainer, module: L.LightningModule) -> dict[str, Any]:
    """Give a checkpoint of the weights that dev was scored with: their average, where one is kept.

    A checkpoint that Lightning makes without the optimiser's state holds those of the last step.
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
    """Give what the best epoch has least of.

    >>> cost("auroc", 3, {"dev/auroc": 0.9}), cost("hter", 3, {"dev/hter": 0.2})
    (-0.9, 0.2)
    """
    if select == "last":
        return -epoch
    return -metrics["dev/auroc"] if select == "auroc" else metrics[f"dev/{select}"]


class KeepBest(L.Callback):
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

    def state_dict(self) -> dict[str, float]:
        """Give what going on after an interruption needs."""
        return {"lowest": self.lowest}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Take up where `state_dict` left off."""
        self.lowest = state_dict["lowest"]
