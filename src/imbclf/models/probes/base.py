"""A logistic regression on features that no label was trained on, kept beside the trained network.

It makes other mistakes than the network, and the mean of the two logits fewer than either (Kumar et
al., Calibrated ensembles, UAI 2022). What it looks at is `pretrained_features` where weights
are pretrained, which fine-tuning partly forgets, and `patch_features` where they are not.
"""

from abc import abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

SIZE = 20_000
PRIOR_VARIANCE = 5.0


class Probe(nn.Module):
    """logit = w . (features - mean) / deviation + b, of features that are not trained any more.

    w is the most probable one a posteriori of a logistic regression with both classes weighted
    alike, under a Gaussian prior by which logits have a variance of about 5: features that
    say little of the labels give logits near 0. As many images count as 4 n0 n1 / (n0 + n1).

    Args:
        width: D, the number of features.
    """

    mean: Tensor
    deviation: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))
        self.register_buffer("weight", torch.zeros(width))
        self.register_buffer("bias", torch.zeros(()))

    @abstractmethod
    def describe(self, pixels: Tensor) -> Tensor:
        """Return the features, float32 [N, D], of normalized images [N, 3, H, W]."""

    @abstractmethod
    def learn_features(self, network: nn.Module, pixels: Tensor, seed: int) -> None:
        """Settle what the features are, without labels.

        Args:
            network: as it is before training.
            pixels: normalized images [M, 3, H, W] of the fit part.
            seed: of what is drawn.
        """

    def train(self, mode: bool = True) -> "Probe":  # noqa: ARG002
        """Stay in evaluation mode, whatever is asked."""
        return super().train(False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits [N] of normalized images [N, 3, H, W]."""
        standardized = (self.describe(pixels) - self.mean) / self.deviation
        return torch.sum(standardized * self.weight, dim=1) + self.bias  # no bfloat16 in a product

    def fit(self, features: Tensor, labels: NDArray[np.int64]) -> None:
        """Fit to features [M, D] and labels [M] of both classes."""
        self.mean.copy_(features.mean(dim=0))
        self.deviation.copy_(features.std(dim=0).clamp_min(1e-6))
        standardized = ((features - self.mean) / self.deviation).cpu().numpy()
        zero, one = np.bincount(labels, minlength=2)
        precision = features.shape[1] / PRIOR_VARIANCE
        regression = LogisticRegression(
            C=4 * zero * one / (zero + one) ** 2 / precision, class_weight="balanced", max_iter=1000
        )
        regression.fit(standardized, labels)
        self.weight.copy_(torch.from_numpy(regression.coef_[0]))
        self.bias.fill_(float(regression.intercept_[0]))
