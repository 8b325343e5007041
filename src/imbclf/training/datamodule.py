"""The data module of one fold: batches of its fit and dev parts."""

from collections.abc import Mapping
from typing import Any

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from imbclf.augment import FoldAugmentation, FoldOwnAugmentation
from imbclf.data.device_cache import (
    Pixels,
    cache_on_device,
    open_reference,
    take_images,
    to_reference,
)
from imbclf.data.splits import Fold
from imbclf.samplers import IndexSampler
from imbclf.training.batch_sampler import IndexBatches

Batch = tuple[Tensor, Tensor, Tensor]
# Batches are this many times as large without gradients: larger ones are no faster on a CPU and
# would take more memory than training.
SCORING_FACTOR = 2


class Rows(Dataset[Batch]):
    """Rows of an image array, gathered in batches.

    An item is a whole batch: uint8 images `[B, H, W, 3]`, int64 labels `[B]`, int64 rows `[B]`.
    """

    def __init__(self, pixels: Pixels, labels: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        self.pixels, self.labels, self.rows = pixels, labels, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitems__(self, positions: list[int]) -> Batch:
        """Gather the rows at these positions."""
        rows = self.rows[np.asarray(positions)]
        return (
            take_images(self.pixels, rows),
            torch.from_numpy(self.labels[rows]),
            torch.from_numpy(rows),
        )


def _uncollated(batch: Any) -> Any:  # noqa: ANN401
    """Replace collation: `Rows` returns whole batches."""
    return batch


def _unused_generator() -> torch.Generator:
    """Return a generator for a DataLoader, which takes a number whenever it is iterated.

    Without one it takes it from the global generator: in an uninterrupted training after the
    epoch was seeded, in a resumed one before, so that dropout would draw other masks.
    """
    return torch.Generator()


class FoldDataModule(L.LightningDataModule):
    """One fold's fit part through a sampler and augmentation, and its dev part in order.

    Args:
        pixels: all images of the data set, uint8 `[N, H, W, 3]`: a tensor on the device that
            trains, or a memory map, of which each of several devices makes its own copy.
        labels: int64 `[N]`.
        fold: which rows are fit, dev and test.
        sampler: draws positions into the fit part.
        augment: changes training batches on their device.
        batch_size: images per step and device.
    """

    def __init__(
        self,
        pixels: Pixels,
        labels: NDArray[np.int64],
        fold: Fold,
        sampler: IndexSampler,
        augment: FoldAugmentation | FoldOwnAugmentation,
        batch_size: int,
    ) -> None:
        super().__init__()
        self.pixels, self.labels, self.fold = pixels, labels, fold
        self.sampler, self.augment, self.batch_size = sampler, augment, batch_size

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the location of the images, not the images, for the process of a device."""
        return {**self.__dict__, "pixels": to_reference(self.pixels)}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Open the images in that process."""
        self.__dict__.update({**state, "pixels": open_reference(state["pixels"])})

    def setup(self, stage: str) -> None:  # noqa: ARG002
        """Copy the images to this one of several devices, if they fit there."""
        if self.trainer is None or self.trainer.world_size == 1:
            return
        if not isinstance(self.pixels, Tensor):
            self.pixels = cache_on_device(self.pixels, self.trainer.strategy.root_device)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return batches of the fit part, drawn by the sampler."""
        rank, world_size = 0, 1
        if self.trainer is not None:
            rank, world_size = self.trainer.global_rank, self.trainer.world_size
        return DataLoader(
            Rows(self.pixels, self.labels, self.fold.fit),
            batch_sampler=IndexBatches(self.sampler, self.batch_size, rank, world_size),
            collate_fn=_uncollated,
            generator=_unused_generator(),
        )

    def val_dataloader(self) -> DataLoader[Batch]:
        """Return the whole dev part in order, on every device, so that no image counts twice."""
        return DataLoader(
            Rows(self.pixels, self.labels, self.fold.dev),
            batch_size=SCORING_FACTOR * self.batch_size,
            collate_fn=_uncollated,
            generator=_unused_generator(),
        )

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Any:  # noqa: ANN401, ARG002
        """Augment a training batch on its device: images, labels or targets, rows."""
        images, labels, rows = batch
        if self.trainer is not None and self.trainer.training:
            epoch, loop = self.trainer.current_epoch, self.trainer.fit_loop.epoch_loop
            images, labels = self.augment(images, labels, rows, epoch, loop.total_batch_idx + 1)
        return images, labels, rows
