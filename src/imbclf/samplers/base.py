"""Base class of samplers, and samplers that ignore class shares."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from imbclf.errors import UserError
from imbclf.utils.arrays import minority_label


class IndexSampler(Sampler[int], ABC):
    """Base class: draws positions into the training labels for each epoch.

    A subclass implements `draw`, and `__len__` if the number of draws differs from the number of
    labels; it must be the same in all epochs. `batch_count` and `batches` divide an epoch into
    batches.

    Args:
        labels: int64 `[N]`, 0 and 1.
        seed: 0 or more.
    """

    def __init__(self, labels: NDArray[np.int64], seed: int) -> None:
        self.labels, self.seed = labels, seed
        self.epoch, self.progress = 0, 0.0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch to draw for."""
        self.epoch = epoch

    def set_progress(self, fraction: float) -> None:
        """Set the share of training done, 0 to 1."""
        self.progress = fraction

    @abstractmethod
    def draw(self) -> NDArray[np.int64]:
        """Draw the positions of this epoch, int64 `[len(self)]`, given its number and progress."""

    def batch_count(self, batch_size: int, devices: int) -> int:
        """Return the number of batches of an epoch, the same for all epochs.

        Args:
            batch_size: largest number of images per batch and device.
            devices: number of devices that share a batch.

        Raises:
            UserError: a device would have no image in some batch.
        """
        count = math.ceil(len(self) / (batch_size * devices))
        if len(self) < count * devices:
            raise UserError(
                f"data.batch_size={batch_size} leaves one of {devices} devices without an image "
                f"in some batch of {len(self)} images. Choose fewer devices or larger batches."
            )
        return count

    def batches(self, batch_size: int, devices: int) -> Sequence[NDArray[np.int64]]:
        """Draw the batches of this epoch; device d takes images d, d + devices, ... of each."""
        return np.array_split(self.draw(), self.batch_count(batch_size, devices))

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[int]:
        # A generator, so that the epoch is read with the first position and not before.
        yield from self.draw().tolist()


class ShuffleSampler(IndexSampler):
    """Draws every image once, in random order.

    >>> sorted(ShuffleSampler(np.array([0, 1, 1]), seed=0))
    [0, 1, 2]
    """

    def draw(self) -> NDArray[np.int64]:
        """Draw a permutation."""
        return np.random.default_rng([self.seed, self.epoch]).permutation(len(self.labels))


class MajorityOnlySampler(IndexSampler):
    """Draws every majority image once and no minority image, for one-class learning.

    The majority is the more frequent label; on a tie, label 1.

    >>> sorted(MajorityOnlySampler(np.array([0, 1, 1]), seed=0))
    [1, 2]
    """

    def __init__(self, labels: NDArray[np.int64], seed: int) -> None:
        super().__init__(labels, seed)
        self.majority = np.flatnonzero(labels != minority_label(labels))

    def draw(self) -> NDArray[np.int64]:
        """Draw a permutation of the majority."""
        return np.random.default_rng([self.seed, self.epoch]).permutation(self.majority)

    def __len__(self) -> int:
        return len(self.majority)
