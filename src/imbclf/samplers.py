"""Which images an epoch shows, and in which order.

A sampler is built from the training labels and a seed and yields positions into those labels. What
it draws depends on nothing but labels, seed, epoch and progress: a resumed training goes on as if
it had never stopped, and every device draws the same.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from imbclf.errors import UserError


class IndexSampler(Sampler[int], ABC):
    """Draws positions into the training labels, anew for every epoch.

    A subclass says what is drawn in `draw`, and in `__len__` how many, unless it is as many as
    there are labels; that number is the same for all epochs.

    Args:
        labels: int64 [N], 0 and 1.
        seed: 0 or more.
    """

    def __init__(self, labels: NDArray[np.int64], seed: int) -> None:
        self.labels, self.seed = labels, seed
        self.epoch, self.progress = 0, 0.0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch to draw for."""
        self.epoch = epoch

    def set_progress(self, fraction: float) -> None:
        """Say what share of training, 0 to 1, is done."""
        self.progress = fraction

    @abstractmethod
    def draw(self) -> NDArray[np.int64]:
        """Draw the positions [len(self)] of this epoch, from its number and progress alone."""

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[int]:
        # A generator, so that the epoch is looked up with the first position and not before.
        yield from self.draw().tolist()


class ShuffleSampler(IndexSampler):
    """Every image once, in random order.

    >>> sorted(ShuffleSampler(np.array([0, 1, 1]), seed=0))
    [0, 1, 2]
    """

    def draw(self) -> NDArray[np.int64]:
        """Draw a permutation."""
        return np.random.default_rng([self.seed, self.epoch]).permutation(len(self.labels))


def deal(
    positions: NDArray[np.int64], count: int, epoch: int, seed: tuple[int, int]
) -> NDArray[np.int64]:
    """Deal `count` of the positions like cards, shuffling anew once all were dealt.

    Within an epoch their numbers differ by at most one: nothing is dealt twice while count <= len.
    Over epochs of one count each position is dealt before any is repeated.

    Args:
        positions: int64 [M].
        count: how many, also more than there are.
        epoch: number of the deal, from 0.
        seed: two numbers, 0 or more.

    >>> cards = np.arange(4)
    >>> np.sort([deal(cards, 2, epoch, seed=(0, 1)) for epoch in (0, 1)], axis=None)
    array([0, 1, 2, 3])
    >>> np.bincount(deal(cards, 12, epoch=0, seed=(0, 1)))
    array([3, 3, 3, 3])
    """
    deals_per_shuffle = math.ceil(len(positions) / count)
    shuffle, turn = divmod(epoch, deals_per_shuffle)
    shuffled = np.random.default_rng([seed[0], shuffle, seed[1]]).permutation(positions)
    # The last deal of a shuffle is filled up from its beginning.
    return np.take(shuffled, np.arange(turn * count, (turn + 1) * count), mode="wrap")


class ClassSampler(IndexSampler):
    """Deals out minority and majority apart, in the numbers `counts` says, and shuffles them.

    The minority is the rarer label; of two equally frequent ones, label 0.

    Raises:
        UserError: a label has no image.
    """

    def __init__(self, labels: NDArray[np.int64], seed: int) -> None:
        super().__init__(labels, seed)
        zeros, ones = np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)
        if not (len(zeros) and len(ones)):
            raise UserError(
                f"sampler: expected training images of both labels, but there are {len(zeros)} of "
                f"label 0 and {len(ones)} of label 1. Check the labels, or use sampler=shuffle."
            )
        self.minority, self.majority = (zeros, ones) if len(zeros) <= len(ones) else (ones, zeros)

    @abstractmethod
    def counts(self) -> tuple[int, int]:
        """Give the numbers of minority and majority images in this epoch; their sum is fixed."""

    def draw(self) -> NDArray[np.int64]:
        """Deal out both classes and shuffle them together."""
        dealt = [
            # Never 0 as the second number: [seed, epoch, 0] is the same stream as [seed, epoch].
            deal(positions, count, self.epoch, (self.seed, role))
            for role, positions, count in zip(
                (1, 2), (self.minority, self.majority), self.counts(), strict=True
            )
        ]
        return np.random.default_rng([self.seed, self.epoch]).permutation(np.concatenate(dealt))

    def __len__(self) -> int:
        return sum(self.counts())


class BalancedSampler(ClassSampler):
    """Half minority, repeated evenly, and half majority, without repetition; N images an epoch.

    All majority images are seen before one is repeated, over epochs.

    >>> labels = np.array([0, 1, 1, 1, 1, 1])
    >>> labels[BalancedSampler(labels, seed=0).draw()].mean()
    np.float64(0.5)
    """

    def counts(self) -> tuple[int, int]:
        """Give one half each; an odd one goes to the majority."""
        return len(self.labels) // 2, len(self.labels) - len(self.labels) // 2


class UndersampleSampler(ClassSampler):
    """Every minority image once, and a part of the majority, another one each epoch.

    All majority images are seen before one is repeated, over epochs.

    Args:
        labels: int64 [N], 0 and 1.
        seed: 0 or more.
        ratio: minority to majority, above 0; where the majority does not suffice, all of it.

    Raises:
        UserError: a label has no image, or the ratio is out of range.

    >>> len(UndersampleSampler(np.array([0, 1, 1, 1, 1, 1]), seed=0, ratio=0.5))
    3
    """

    def __init__(self, labels: NDArray[np.int64], seed: int, ratio: float = 1.0) -> None:
        super().__init__(labels, seed)
        self.ratio = _checked("ratio", ratio)

    def counts(self) -> tuple[int, int]:
        """Give the whole minority and its share of the majority."""
        wanted = min(len(self.majority), len(self.minority) / self.ratio)
        return len(self.minority), max(1, round(wanted))


class ProgressiveSampler(ClassSampler):
    """N images an epoch; minority to majority goes linearly from `start` to `end` over training.

    Each class is repeated evenly where it does not suffice, and not at all where it does.

    Args:
        labels: int64 [N], 0 and 1.
        seed: 0 or more.
        start: minority to majority as training starts.
        end: the same as it ends.

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
        self.start, self.end = _checked("start", start), _checked("end", end)

    def counts(self) -> tuple[int, int]:
        """Give N r / (1 + r) minority images, r being the present ratio, and else majority."""
        ratio = self.start + (self.end - self.start) * self.progress
        total = len(self.labels)
        minority = min(max(1, round(total * ratio / (1 + ratio))), total - 1)
        return minority, total - minority


def _checked(option: str, ratio: float) -> float:
    if not (math.isfinite(ratio) and ratio > 0):
        raise UserError(
            f"sampler.{option}={ratio}: expected minority images per majority image, above 0"
        )
    return ratio
