"""Batches that never lack a class, for losses that compare the two within a batch."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.samplers.class_balanced import ClassSampler
from imbclf.utils.checks import check_range


class BothClassesSampler(ClassSampler):
    """Every image at least once an epoch, at least `minimum` of each class in every batch.

    On every device, too. Both classes are spread evenly over the batches; where a class is too
    rare to fill them it is repeated evenly, as often as it takes, and otherwise every image comes
    exactly once. No batch holds an image twice before it holds all of its class.

    A larger batch holds the minimum once for each `batch_size` images that fit into it, so that a
    batch of several devices is that of one device with as many times the images.

    Args:
        labels: int64 [N], 0 and 1.
        seed: 0 or more.
        batch_size: images per batch and device, at most: `data.batch_size`.
        minimum: images of each class per batch and device, 1 or more.

    Raises:
        UserError: a label has no image, or a batch cannot hold the minimum of both.

    >>> labels = np.array([0] + [1] * 9)
    >>> sampler = BothClassesSampler(labels, seed=0, batch_size=4, minimum=1)
    >>> [sorted(labels[batch].tolist()) for batch in sampler.batches(batch_size=4, devices=1)]
    [[0, 1, 1, 1], [0, 1, 1, 1], [0, 1, 1, 1]]
    """

    def __init__(
        self, labels: NDArray[np.int64], seed: int, batch_size: int, minimum: int = 4
    ) -> None:
        super().__init__(labels, seed)
        check_range("sampler.minimum", minimum, at_least=1)
        if batch_size < 2 * minimum:
            raise UserError(
                f"sampler.minimum={minimum}: a batch of data.batch_size={batch_size} images cannot "
                f"hold {minimum} of each class. Choose {batch_size // 2} or less, or larger batches"
            )
        self.batch_size, self.minimum = batch_size, minimum

    def batch_count(self, batch_size: int, devices: int) -> int:
        """Return the smallest number of batches that holds all images and the minimum in each.

        Raises:
            UserError: the batches are smaller than the sampler was told.
        """
        size, needed = batch_size * devices, self._needed(batch_size, devices)
        # The minority never takes more batches than the majority beside the minimum of the other.
        return max(
            math.ceil(len(self.labels) / size), math.ceil(len(self.majority) / (size - needed))
        )

    def _needed(self, batch_size: int, devices: int) -> int:
        """Return the least number of images of each class in a batch of all devices."""
        if batch_size < self.batch_size:
            raise UserError(
                f"sampler.batch_size={self.batch_size}: expected data.batch_size={batch_size}, "
                "or less"
            )
        return batch_size * devices // self.batch_size * self.minimum

    def _counts(self, batch_size: int, devices: int) -> tuple[int, int]:
        least = self.batch_count(batch_size, devices) * self._needed(batch_size, devices)
        return max(len(self.minority), least), max(len(self.majority), least)

    def counts(self) -> tuple[int, int]:
        """Return the numbers of minority and majority images in an epoch on one device."""
        return self._counts(self.batch_size, devices=1)

    def draw(self) -> NDArray[np.int64]:
        """Draw the batches of one device, one after the other."""
        return np.concatenate(self.batches(self.batch_size, devices=1))

    def batches(self, batch_size: int, devices: int) -> Sequence[NDArray[np.int64]]:
        """Deal out both classes to the batches, and within a batch to the devices."""
        count = self.batch_count(batch_size, devices)
        minority, majority = self.draw_classes(self._counts(batch_size, devices))
        # The larger parts of one class go with the smaller of the other: equally large batches.
        parts = zip(
            np.array_split(minority, count), np.array_split(majority, count)[::-1], strict=True
        )
        random = np.random.default_rng([self.seed, self.epoch])
        # Drawn first, so that it is the same for any number of devices.
        order = random.permutation(count)
        batches = [np.concatenate(part) for part in parts]
        for batch in batches:
            # Class by class, each device's stride has its part of both: shuffled within it only.
            for device in range(devices):
                batch[device::devices] = random.permutation(batch[device::devices])
        return [batches[number] for number in order]
