"""Batches with both classes, for losses that compare them within a batch."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.samplers.class_balanced import ClassSampler
from imbclf.utils.checks import check_range


class BothClassesSampler(ClassSampler):
    """Draws every image at least once, with at least `minimum` of each class in every batch.

    The minimum also holds on every device. Both classes are spread evenly over the batches; a class
    too rare to fill them is repeated evenly, and otherwise every image is drawn exactly once. A
    batch repeats an image only if it has all images of that class.

    A larger batch has `minimum` images of each class per `batch_size` images, so that a batch of
    several devices is the same as one of a single device with a larger batch size.

    Args:
        labels: int64 `[N]`, 0 and 1.
        seed: 0 or more.
        batch_size: largest number of images per batch and device, `data.batch_size`.
        minimum: least number of images of each class per batch and device, 1 or more.

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
                f"hold {minimum} of each class; choose {batch_size // 2} or less, or larger batches"
            )
        self.batch_size, self.minimum = batch_size, minimum

    def batch_count(self, batch_size: int, devices: int) -> int:
        """Return the least number of batches for all images with the minimum in each.

        Raises:
            UserError: `batch_size` is smaller than that of the sampler.
        """
        size, needed = batch_size * devices, self._needed(batch_size, devices)
        # The minority never needs more batches than the majority.
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
        """Draw the batches of one device, concatenated."""
        return np.concatenate(self.batches(self.batch_size, devices=1))

    def batches(self, batch_size: int, devices: int) -> Sequence[NDArray[np.int64]]:
        """Draw both classes, and distribute them over batches and within a batch over devices."""
        count = self.batch_count(batch_size, devices)
        minority, majority = self.draw_classes(self._counts(batch_size, devices))
        # Larger parts of one class with smaller parts of the other: batches of equal size.
        parts = zip(
            np.array_split(minority, count), np.array_split(majority, count)[::-1], strict=True
        )
        random = np.random.default_rng([self.seed, self.epoch])
        # Drawn first, so that the order is the same for any number of devices.
        order = random.permutation(count)
        batches = [np.concatenate(part) for part in parts]
        for batch in batches:
            # Classes are in order, so each device's stride has its part of both: shuffle within it.
            for device in range(devices):
                batch[device::devices] = random.permutation(batch[device::devices])
        return [batches[number] for number in order]
