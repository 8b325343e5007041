"""Sums of Gaussian kernels between features and landmarks: functions that are not linear."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imbclf.models.autocast import without_autocast

GAMMA = 0.5  # for standardized features, whose squared differences are 2 on average
FARTHEST = 10.0  # deviations; a feature that is nearly constant in the fit part may be any number
SMALLEST = 1e-5  # of the largest, an eigenvalue that is more than rounding


class KernelSum(nn.Module):
    """f = sum_k sum_j a_kj exp(-|s_k (x - z_j)|^2), standardized features x [N, D] to f [N].

    Features beyond `FARTHEST` count as that, so that no single one makes all kernels 0.

    Buffers: landmarks z, features of images, float32 [M, D]; scales s of each feature,
    float32 [K, D], 0 of those that a sum does not read; coefficients a, float32 [K, M].

    Args:
        width: D.
        landmarks: M.
        sums: K.
    """

    landmarks: Tensor
    scales: Tensor
    coefficients: Tensor

    def __init__(self, width: int, landmarks: int, sums: int = 1) -> None:
        super().__init__()
        self.register_buffer("landmarks", torch.zeros(landmarks, width))
        self.register_buffer("scales", torch.zeros(sums, width))
        self.register_buffer("coefficients", torch.zeros(sums, landmarks))

    def put(self, landmarks: Tensor, scales: Tensor, coefficients: Tensor) -> None:
        """Take M landmarks [M, D], or fewer, scales [K, D] and coefficients [K, M] of them."""
        count = len(landmarks)
        self.landmarks.zero_()
        self.landmarks[:count] = landmarks
        self.scales.copy_(scales)
        self.coefficients.zero_()
        self.coefficients[:, :count] = coefficients

    def forward(self, features: Tensor) -> Tensor:
        """Return f, [N], of features [N, D]."""
        x, z = bounded(features), self.landmarks
        sums = zip(self.scales, self.coefficients, strict=True)
        with without_autocast(features.device):
            return torch.stack([gaussian_kernel(x * s, z * s) @ a for s, a in sums]).sum(dim=0)


def bounded(features: Tensor) -> Tensor:
    """Return standardized features, none further from 0 than `FARTHEST`."""
    return features.clamp(-FARTHEST, FARTHEST)


def gaussian_kernel(features: Tensor, landmarks: Tensor) -> Tensor:
    """Return exp(-|x - z|^2), [N, M], of features [N, D] and landmarks [M, D].

    >>> gaussian_kernel(torch.tensor([[0.0], [1.0]]), torch.zeros(1, 1)).flatten()
    tensor([1.0000, 0.3679])
    """
    squares = features.square().sum(dim=1)[:, None] + landmarks.square().sum(dim=1)
    return torch.exp((2 * features @ landmarks.T - squares).clamp_max(0))


def landmark_rows(labels: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return `count` positions, or all if there are fewer: half of each label if possible.

    Those of a label are evenly spaced, so that images which are listed together, of one person,
    say, do not crowd out others. Nothing is drawn.

    >>> landmark_rows(np.array([0, 0, 0, 0, 0, 1]), 4).tolist()
    [0, 2, 4, 5]
    """
    of_label = [np.flatnonzero(labels == label) for label in (0, 1)]
    rare, other = sorted(of_label, key=len)
    few = min(len(rare), count // 2)
    counts = few, min(len(other), count - few)
    chosen = [
        positions[np.linspace(0, len(positions) - 1, wanted).round().astype(np.int64)]
        for positions, wanted in zip((rare, other), counts, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def nystrom_features(features: Tensor, landmarks: Tensor) -> tuple[Tensor, Tensor]:
    """Return features of which products are nearly the kernel, and how they come from it.

        phi(x) = k(x, Z) B,  B B' = k(Z, Z)^-1,  phi(x) . phi(y) = k(x, y) where x or y is in Z

    A linear function w of phi is a sum of kernels with the coefficients B w.

    Args:
        features: scaled, float32 [N, D].
        landmarks: Z, scaled, float32 [M, D].

    Returns:
        phi, float32 [N, R], R <= M, and B, float32 [M, R].

    Source: Williams and Seeger, Using the Nystroem method to speed up kernel machines, 2001.

    >>> x = torch.tensor([[0.0], [1.0], [3.0]])
    >>> phi, _ = nystrom_features(x, x)
    >>> torch.allclose(phi @ phi.T, gaussian_kernel(x, x), atol=1e-5)
    True
    """
    values, vectors = torch.linalg.eigh(gaussian_kernel(landmarks, landmarks).cpu().double())
    kept = values > SMALLEST * values.max()
    basis = (vectors[:, kept] / values[kept].sqrt()).to(features)
    return gaussian_kernel(features, landmarks) @ basis, basis
