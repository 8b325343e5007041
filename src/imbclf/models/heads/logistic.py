"""Regression on the features of a frozen network, without training."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imbclf.errors import UserError
from imbclf.models.gaussian_kernels import KernelSum, bounded, landmark_rows
from imbclf.models.heads.base import Head
from imbclf.models.stage_regressions import KERNELS, fit_stages

MOST = 10_000  # landmarks, of which all features are kept


class LogisticHead(Head):
    """f = w . x + sum_kj a_kj exp(-|s_k (x - z_j)|^2) + b, of standardized features x of stages.

    Both labels weigh the same; f is a sum of penalized logistic regressions on the first stages of
    a network, each with a strength and a share that are chosen on parts of the
    images to fit (`fit_stages`). Without landmarks z it is linear. Source: Alain & Bengio,
    Understanding intermediate layers using linear classifier probes, 2016; Evci et al., Head2Toe,
    ICML 2022.

    Args:
        width: D, the number of features.
        landmarks: images to fit that others are compared with, at most.

    Raises:
        UserError: the number of landmarks is out of range.

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
    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int, landmarks: int = 0) -> None:
        super().__init__()
        if not 0 <= landmarks <= MOST:
            raise UserError(f"head.landmarks={landmarks}: expected 0 to {MOST}")
        self.register_buffer("weight", torch.zeros(width))
        self.register_buffer("bias", torch.zeros(()))
        self.kernels = KernelSum(width, landmarks, KERNELS) if landmarks else None
        for name in ("mean", "deviation"):  # of the linear part they are in weight and bias
            self.register_buffer(name, torch.ones(width) if landmarks else None)
        self.entry = {"name": "logistic", **({"landmarks": landmarks} if landmarks else {})}

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
            held_out: parts of the N images on which strengths and the shares of regressions are
                chosen; without any the strength is a prior's, and f is linear.
            stages: of each feature, int64 [D] (`fit_stages`); None: all come from one.
        """
        mean, deviation = features.mean(dim=0), features.std(dim=0).clamp_min(1e-6)
        of_one = np.zeros(features.shape[1], np.int64)
        standardized = (features - mean) / deviation
        rows = landmark_rows(labels, 0 if self.kernels is None else len(self.kernels.landmarks))
        found = fit_stages(
            standardized, labels, held_out, of_one if stages is None else stages, rows
        )
        weight = found.weights.double() / deviation
        self.weight.copy_(weight)
        self.bias.copy_(found.bias - mean.double() @ weight)
        if self.kernels is not None:
            self.mean.copy_(mean)
            self.deviation.copy_(deviation)
            self.kernels.put(bounded(standardized[rows]), found.scales, found.coefficients)

    def forward(self, features: Tensor) -> Tensor:
        """Return the logits [N] of features [N, D]."""
        linear = torch.sum(features * self.weight, dim=1) + self.bias
        if self.kernels is None:
            return linear
        curved: Tensor = self.kernels((features - self.mean) / self.deviation)
        return linear + curved
