"""A logistic regression on features that were not trained on the labels.

It makes other mistakes than the backbone, and the mean of the two logits makes fewer than either
(Kumar et al., Calibrated ensembles, UAI 2022). Its features are `pretrained_features`, which
fine-tuning partly forgets, or without pretrained weights `patch_features`.
"""

import math
from abc import abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from imbclf.models.gaussian_kernels import (
    GAMMA,
    KernelSum,
    bounded,
    landmark_rows,
    nystrom_features,
)
from imbclf.models.logistic_regression import effective_share

SIZE = 20_000
LANDMARKS = 1000
PRIOR_VARIANCE, KERNEL_VARIANCE = 5.0, 20.0


class Probe(nn.Module):
    """logit = w . x + b, x = (features - mean) / deviation, of fixed features.

    With kernels logit = sum_j a_j k(x, z_j) + b, k(x, z) = exp(-|x - z|^2 / (2 D)), of landmarks z
    that are images of the fit part.

    w, or a, is the maximum a posteriori estimate of a class-weighted logistic regression, under a
    Gaussian prior by which logits have a variance of about 5, or with kernels 20: uninformative
    features give logits near 0. The effective number of images is 4 n0 n1 / (n0 + n1).

    Args:
        width: D, the number of features.
        kernels: whether the regression is on kernels.
    """

    mean: Tensor
    deviation: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, width: int, kernels: bool = False) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))
        self.register_buffer("weight", None if kernels else torch.zeros(width))
        self.kernels = KernelSum(width, LANDMARKS) if kernels else None
        self.register_buffer("bias", torch.zeros(()))

    @abstractmethod
    def describe(self, pixels: Tensor) -> Tensor:
        """Return the features, float32 [N, D], of normalized images [N, 3, H, W]."""

    @abstractmethod
    def learn_features(self, network: nn.Module, pixels: Tensor, seed: int) -> None:
        """Determine the features, without labels.

        Args:
            network: before its training.
            pixels: normalized images [M, 3, H, W] of the fit part.
            seed: of random draws.
        """

    def train(self, mode: bool = True) -> "Probe":  # noqa: ARG002
        """Stay in evaluation mode, whatever the argument."""
        return super().train(False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits [N] of normalized images [N, 3, H, W]."""
        standardized = (self.describe(pixels) - self.mean) / self.deviation
        if self.kernels is not None:
            logits: Tensor = self.kernels(standardized) + self.bias
            return logits
        return torch.sum(standardized * self.weight, dim=1) + self.bias  # no bfloat16 in a product

    def fit(self, features: Tensor, labels: NDArray[np.int64]) -> None:
        """Fit to features [M, D] and labels [M] of both classes."""
        self.mean.copy_(features.mean(dim=0))
        self.deviation.copy_(features.std(dim=0).clamp_min(1e-6))
        standardized = (features - self.mean) / self.deviation
        if self.kernels is None:
            self.weight.copy_(self._regress(standardized, labels, PRIOR_VARIANCE / self.width))
            return
        scale = math.sqrt(GAMMA / self.width)
        near = bounded(standardized)
        landmarks = near[landmark_rows(labels, LANDMARKS)]
        phi, basis = nystrom_features(near * scale, landmarks * scale)
        found = basis @ self._regress(phi, labels, KERNEL_VARIANCE).to(basis)
        self.kernels.put(landmarks, found.new_full((1, self.width), scale), found[None])

    @property
    def width(self) -> int:
        """Return D, the number of features."""
        return len(self.mean)

    def _regress(self, features: Tensor, labels: NDArray[np.int64], variance: float) -> Tensor:
        """Set the bias; return the weights, a priori normal with this variance."""
        strength = effective_share(labels) * variance
        regression = LogisticRegression(C=strength, class_weight="balanced", max_iter=1000)
        regression.fit(features.cpu().numpy(), labels)
        self.bias.fill_(float(regression.intercept_[0]))
        return torch.from_numpy(regression.coef_[0])
