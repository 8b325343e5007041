"""The base class of one-class heads, which are fitted to the majority alone."""

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imbclf.errors import UserError
from imbclf.models.heads.base import Head
from imbclf.utils.arrays import minority_label


class OneClassHead(Head, ABC):
    """f = o d(x): d >= 0 is a distance from the majority, o is 1 or -1 if the minority is 1 or 0.

    Before training, `sample` draws some images of the majority, which bounds time and memory, and
    `prepare` fits the head to their features. The result is in buffers, as part of the weights.

    Args:
        size: largest number of images of the majority that it is fitted to.

    Raises:
        UserError: size is below 1.
    """

    orientation: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        if size < 1:
            raise UserError(f"head.size={size}: expected 1 or more images of the majority")
        self.size = size
        self.register_buffer("orientation", torch.ones(()))

    def sample(self, labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        """Draw positions [M] in labels [N] of the majority, M <= size, in ascending order."""
        majority = np.flatnonzero(labels != minority_label(labels))
        if len(majority) <= self.size:
            return majority
        return np.sort(np.random.default_rng(seed).choice(majority, self.size, replace=False))

    def prepare(self, features: Tensor, minority: int) -> None:
        """Fit the head.

        Args:
            features: float [M, D], of the images that `sample` drew.
            minority: 0 or 1, the label of distant images.
        """
        with torch.no_grad():
            self.orientation.fill_(2 * minority - 1)
            self.fit(features)

    @abstractmethod
    def fit(self, features: Tensor) -> None:
        """Fit to features [M, D] of the majority."""

    @abstractmethod
    def distances(self, features: Tensor) -> Tensor:
        """Return the distances [N] of features [N, D] from the majority, 0 or more."""

    def forward(self, features: Tensor) -> Tensor:
        """Return the logits [N] of features [N, D]."""
        return self.orientation * self.distances(features)
