"""Logistic regression on the features of a frozen network, without training."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imbclf.models.heads.base import Head
from imbclf.models.logistic_regression import balanced_weights, choose_strength, fit_logistic


class LogisticHead(Head):
    """f = w . x + b, of features x of several stages of a network that is not trained.

    Both labels weigh the same; w is penalized as for standardized features, by a strength that is
    chosen on parts of the images to fit. Source: Alain & Bengio, Understanding intermediate layers
    using linear classifier probes, 2016; Evci et al., Head2Toe, ICML 2022.

    Args:
        width: D, the number of features.

    >>> head, labels = LogisticHead(width=2), np.array([0, 1] * 20)
    >>> features = torch.tensor([[-1.0, 5.0], [1.0, 5.0]]).repeat(20, 1)
    >>> strength = head.fit(features, labels, [np.arange(20), np.arange(20, 40)])
    >>> head(features[:2]).sign().tolist()
    [-1.0, 1.0]
    """

    is_trained: ClassVar[bool] = False
    takes_stages: ClassVar[bool] = True
    weight: Tensor
    bias: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(width))
        self.register_buffer("bias", torch.zeros(()))
        self.entry = {"name": "logistic"}

    def fit(
        self, features: Tensor, labels: NDArray[np.int64], held_out: Sequence[NDArray[np.int64]]
    ) -> float:
        """Fit to the features of images of both labels, and return C.

        Args:
            features: float32 [N, D].
            labels: int64 [N].
            held_out: parts of the N images on which C is chosen; without any it is a prior's.
        """
        mean, deviation = features.mean(dim=0), features.std(dim=0).clamp_min(1e-6)
        standardized = (features - mean) / deviation
        strength = choose_strength(standardized, labels, held_out)
        found = fit_logistic(
            standardized,
            torch.from_numpy(labels).to(features.device),
            torch.from_numpy(balanced_weights(labels)).to(features)[:, None],
            torch.tensor([strength]).to(features),
        )
        weight = found.weights[:, 0].double() / deviation
        self.weight.copy_(weight)
        self.bias.copy_(found.biases[0] - mean.double() @ weight)
        return strength

    def forward(self, features: Tensor) -> Tensor:
        """Return the logits [N] of features [N, D]."""
        return torch.sum(features * self.weight, dim=1) + self.bias
