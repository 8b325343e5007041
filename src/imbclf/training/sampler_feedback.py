"""Pass logits of the training images back to the sampler that draws them."""

from collections.abc import Mapping
from typing import Any

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imbclf.samplers import IndexSampler, Observer

PADDING = -1


def merge(parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Join rows, logits, targets of several devices, `[devices, 3, L]`, into one `[3, M]`.

    A column whose row is -1 is padding, of a device with fewer images.

    >>> first, second = [[4.0, 7.0], [0.1, 0.2], [0.0, 1.0]], [[5.0, -1], [0.3, -1], [1.0, -1]]
    >>> merge(np.array([first, second]))
    array([[4. , 7. , 5. ],
           [0.1, 0.2, 0.3],
           [0. , 1. , 1. ]])
    """
    joined = np.concatenate(list(parts), axis=1)
    return joined[:, joined[0] != PADDING]


class Feedback(L.Callback):
    """Pass the epoch's logits to a sampler that is an `Observer`.

    Nothing is copied from the device within an epoch. The sampler's state is in the checkpoint if
    this callback precedes the one that saves.

    Args:
        sampler: draws positions in `rows`; ignored unless it is an `Observer`.
        rows: int64 `[N]`, ascending: the rows of the fit part.
    """

    def __init__(self, sampler: IndexSampler, rows: NDArray[np.int64]) -> None:
        self.observer = sampler if isinstance(sampler, Observer) else None
        self.rows = rows
        self._seen: list[tuple[Tensor, Tensor, Tensor]] = []

    def on_train_batch_end(
        self,
        trainer: L.Trainer,  # noqa: ARG002
        pl_module: L.LightningModule,  # noqa: ARG002
        outputs: Any,  # noqa: ANN401
        batch: tuple[Tensor, Tensor, Tensor],
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        """Keep the batch's rows, logits and targets."""
        if self.observer is not None:
            _, targets, rows = batch
            self._seen.append((rows, outputs["logits"], targets))

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Gather the logits of all devices and pass them on."""
        if self.observer is None:
            return
        # float64 holds every row number; converted on the CPU, since not every device has it.
        columns = (torch.cat(column).cpu().double() for column in zip(*self._seen, strict=True))
        seen = torch.stack(list(columns))
        self._seen.clear()
        if trainer.world_size > 1:
            seen = _gather(trainer, seen.to(pl_module.device))
        rows, logits, targets = merge(seen.reshape(-1, *seen.shape[-2:]).cpu().numpy())
        positions = np.searchsorted(self.rows, rows.astype(np.int64))
        self.observer.observe(positions, logits, targets)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the sampler's state."""
        return {} if self.observer is None else self.observer.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Tensor]) -> None:
        """Restore the sampler's state."""
        if self.observer is not None:
            self.observer.load_state_dict(dict(state_dict))


def _gather(trainer: L.Trainer, seen: Tensor) -> Tensor:
    """Return the columns of all devices, `[devices, 3, L]`, from those of each, `[3, ...]`."""
    strategy = trainer.strategy
    lengths = strategy.all_gather(torch.tensor([seen.shape[1]], device=seen.device))
    missing = int(lengths.max()) - seen.shape[1]
    return strategy.all_gather(torch.nn.functional.pad(seen, (0, missing), value=PADDING))
