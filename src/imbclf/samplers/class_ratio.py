"""Samplers with a given ratio of minority to majority images."""

import numpy as np
from numpy.typing import NDArray

from imbclf.samplers.class_balanced import ClassSampler
from imbclf.utils.checks import check_range


class UndersampleSampler(ClassSampler):
    """Draws every minority image once, and a part of the majority that changes with the epoch.

    Over epochs, all majority images are drawn before one is repeated.

    Args:
        labels: int64 `[N]`, 0 and 1.
        seed: 0 or more.
        ratio: minority to majority images, above 0; at most all of the majority is drawn.

    Raises:
        UserError: a label has no image, or the ratio is out of range.

    >>> len(UndersampleSampler(np.array([0, 1, 1, 1, 1, 1]), seed=0, ratio=0.5))
    3
    """

    def __init__(self, labels: NDArray[np.int64], seed: int, ratio: float = 1.0) -> None:
        super().__init__(labels, seed)
        _check_ratio("sampler.ratio", ratio)
        self.ratio = ratio

    def counts(self) -> tuple[int, int]:
        """Return the numbers for the whole minority and the majority at the given ratio."""
        wanted = min(len(self.majority), len(self.minority) / self.ratio)
        return len(self.minority), max(1, round(wanted))


class ProgressiveSampler(ClassSampler):
    """Draws N images per epoch at a ratio that changes linearly from `start` to `end`.

    Images are repeated, evenly, only if a class has too few.

    Args:
        labels: int64 `[N]`, 0 and 1.
        seed: 0 or more.
        start: ratio of minority to majority images at the start of training.
        end: ratio at the end of training.

    Raises:
        UserError: a label has no image, or a ratio is out of range.

    >>> sampler = ProgressiveSampler(np.array([0] * 10 + [1] * 110), seed=0, start=0.1, end=0.5)
    >>> sampler.counts()
    (11, 109)
    >>> sampler.set_progress(1.0)
    >>> sampler.counts()
    (40, 80)
    """

    def __init__(
        self, labels: NDArray[np.int64], seed: int, start: float = 0.1, end: float = 0.5
    ) -> None:
        super().__init__(labels, seed)
        _check_ratio("sampler.start", start)
        _check_ratio("sampler.end", end)
        self.start, self.end = start, end

    def counts(self) -> tuple[int, int]:
        """Return N r / (1 + r) minority and N / (1 + r) majority images, at the current ratio r."""
        ratio = self.start + (self.end - self.start) * self.progress
        total = len(self.labels)
        minority = min(max(1, round(total * ratio / (1 + ratio))), total - 1)
        return minority, total - minority


def _check_ratio(option: str, ratio: float) -> None:
    check_range(option, ratio, above=0, what="minority images per majority image,")
