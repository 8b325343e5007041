"""Samplers with a fixed number of images of each class per epoch."""

import math
from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.samplers.base import IndexSampler
from imbclf.samplers.even_draws import draw_evenly
from imbclf.utils.arrays import minority_class


class ClassSampler(IndexSampler):
    """Base class: draws `counts` images of the minority and the majority, and shuffles them.

    The minority is the rarer label; on a tie, label 0.

    Args:
        labels: int64 `[N]`, 0 and 1.
        seed: 0 or more.

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
        rows = (zeros, ones)
        label = minority_class((len(zeros), len(ones)))
        self.minority, self.majority = rows[label], rows[1 - label]

    @abstractmethod
    def counts(self) -> tuple[int, int]:
        """Return the numbers of minority and majority images in this epoch, of constant sum."""

    def draw_classes(self, counts: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Draw these numbers of minority and majority images, each class evenly."""
        minority, majority = counts
        # The last number must not be 0: [seed, epoch, 0] is the same stream as [seed, epoch].
        return (
            draw_evenly(self.minority, minority, self.epoch, (self.seed, 1)),
            draw_evenly(self.majority, majority, self.epoch, (self.seed, 2)),
        )

    def draw(self) -> NDArray[np.int64]:
        """Draw both classes and shuffle them together."""
        both = np.concatenate(self.draw_classes(self.counts()))
        return np.random.default_rng([self.seed, self.epoch]).permutation(both)

    def __len__(self) -> int:
        return sum(self.counts())


class BalancedSampler(ClassSampler):
    """Draws N images per epoch: half minority, repeated evenly, and half majority.

    Over epochs, all majority images are drawn before one is repeated.

    >>> labels = np.array([0, 1, 1, 1, 1, 1])
    >>> labels[BalancedSampler(labels, seed=0).draw()].mean()
    np.float64(0.5)
    """

    def counts(self) -> tuple[int, int]:
        """Return half of N for each class, the majority rounded up."""
        return len(self.labels) // 2, len(self.labels) - len(self.labels) // 2


class SquareRootSampler(ClassSampler):
    """Draws N images per epoch with class shares proportional to sqrt(n_y).

    The minority is repeated evenly; over epochs, all majority images are drawn before one is
    repeated. Source: Mahajan et al., Exploring the Limits of Weakly Supervised
    Pretraining, ECCV 2018.

    >>> SquareRootSampler(np.array([0] * 10 + [1] * 90), seed=0).counts()
    (25, 75)
    """

    def counts(self) -> tuple[int, int]:
        """Return N sqrt(n_y) / (sqrt(n_0) + sqrt(n_1)) of each class, rounded."""
        rare, common = math.sqrt(len(self.minority)), math.sqrt(len(self.majority))
        minority = round(len(self.labels) * rare / (rare + common))
        return minority, len(self.labels) - minority
