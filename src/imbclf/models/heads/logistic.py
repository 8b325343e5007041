"""Logistic regression on the features of a frozen network, without training."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imbclf.models.heads.base import Head
from imbclf.models.stage_regressions import fit_stages


class LogisticHead(Head):
    """f = w . x + b, of features x of several stages of a network that is not trained.

    Both labels weigh the same; w is a sum of penalized regressions on the first stages, for
    standardized features, each with a strength and a share that are chosen on parts of the images
    to fit (`fit_stages`). Source: Alain & Bengio, Understanding intermediate layers
    using linear classifier probes, 2016; Evci et al., Head2Toe, ICML 2022.

    Args:
        width: D, the number of features.

    >>> head, labels = LogisticHead(width=2), np.array([0, 1] * 20)
    >>> features = torch.tensor([[-1.0, 5.0], [1.0, 5.0]]).repeat(20, 1)
    >>> head.fit(features, labels, [np.arange(20), np.arange(20, 40)])
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
        self,
        features: Tensor,
        labels: NDArray[np.int64],
        held_out: Sequence[NDArray[np.int64]],
        stages: NDArray[np.int64] | None = None,
    ) -> None:
        """Fit to the features of images of both labels.

        Args:
            features: float32 [N, D].
            labels: int64 [N].
            held_out: parts of the N images on which strengths and the shares of stages are chosen;
                without any the strength is a prior's.
            stages: of each feature, int64 [D] (`fit_stages`); None: all come from one.
        """
        mean, deviation = features.mean(dim=0), features.std(dim=0).clamp_min(1e-6)
        of_one = np.zeros(features.shape[1], np.int64)
        standardized = (features - mean) / deviation
        found = fit_stages(standardized, labels, held_out, of_one if stages is None else stages)
        weight = found.weights[:, 0].double() / deviation
        self.weight.copy_(weight)
        self.bias.copy_(found.biases[0] - mean.double() @ weight)

    def forward(self, features: Tensor) -> Tensor:
        """Return the logits [N] of features [N, D]."""
        return torch.sum(features * self.weight, dim=1) + self.bias
