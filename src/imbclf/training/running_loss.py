"""The mean training loss of an epoch, and the step at which it became infinite or NaN."""

from collections.abc import Callable

import torch
from torch import Tensor


class RunningLoss:
    """Sum batch losses on their device, without synchronization.

    >>> running = RunningLoss()
    >>> for loss in (1.0, 4.0, float("inf"), 2.0):
    ...     running.update(torch.tensor(loss), images=2)
    >>> running.steps, running.first_bad_step(), float(running.total)
    (4, 3, inf)
    """

    def __init__(self) -> None:
        self.total: Tensor | float = 0.0
        self.images = self.steps = 0
        self._finite_steps: Tensor | int = 0  # steps with a finite sum

    def update(self, loss: Tensor, images: int) -> None:
        """Add the mean loss of a batch of images."""
        self.total = self.total + loss.detach() * images
        self.images += images
        self.steps += 1
        self._finite_steps = self._finite_steps + self.total.isfinite()

    def first_bad_step(self) -> int | None:
        """Return the step, from 1 on, at which the sum was no longer finite; None if it still is.

        On a GPU this synchronizes.
        """
        finite = int(self._finite_steps)
        return finite + 1 if finite < self.steps else None

    def mean(self, sum_over_devices: Callable[[Tensor], Tensor] | None = None) -> float:
        """Return the mean over all images, NaN without any.

        Args:
            sum_over_devices: sums a tensor over several devices; None for one.
        """
        if not self.images:
            return float("nan")
        if sum_over_devices is None:
            return float(self.total) / self.images
        own = torch.stack([torch.as_tensor(self.total), torch.tensor(float(self.images))])
        total, images = sum_over_devices(own)
        return float(total) / float(images)
