"""Distance from a Gaussian fitted to the majority, without training."""

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from sklearn.covariance import ledoit_wolf
from torch import Tensor

from imbclf.models.heads.one_class import OneClassHead


def whitening(features: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean m [D] and a matrix A [D, D] such that |(x - m) A| is Mahalanobis distance.

    A A^T is the inverse of the covariance, shrunk towards a multiple of the identity (Ledoit and
    Wolf, 2004), so that it exists even with fewer images than features.

    Args:
        features: [M, D], M >= 1.

    >>> mean, matrix = whitening(np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]]))
    >>> mean.tolist(), matrix.round(3).tolist()
    ([1.0, 1.0], [[1.0, 0.0], [0.0, 1.0]])
    """
    mean = features.mean(axis=0)
    covariance, _ = ledoit_wolf(features - mean, assume_centered=True)
    variance = float(np.trace(covariance)) / len(covariance)
    # Keep it regular despite rounding, and if all features are the same.
    covariance[np.diag_indices_from(covariance)] += 1e-7 * variance or 1.0
    lower = cholesky(covariance, lower=True)
    return mean, solve_triangular(lower, np.eye(len(lower)), lower=True).T


class MahalanobisHead(OneClassHead):
    """d(x) = sqrt((x - m)^T S^-1 (x - m)), with mean m and covariance S of the majority.

    S is shrunk (`whitening`).
    Source: Rippel et al., Modeling the Distribution of Normal Data in Pre-Trained Deep Features
    for Anomaly Detection, ICPR 2020.

    Args:
        width: D, the number of features.
        size: largest number of images of the majority that it is fitted to.

    Raises:
        UserError: size is below 1.

    >>> head = MahalanobisHead(width=2)
    >>> features = torch.randn(500, 2, generator=torch.Generator().manual_seed(1))
    >>> head.prepare(features * torch.tensor([1.0, 10.0]), minority=1)
    >>> near, far = head(torch.tensor([[0.0, 10.0], [10.0, 0.0]]))
    >>> bool(near < 2 < 8 < far)
    True
    """

    is_trained: ClassVar[bool] = False
    mean: Tensor
    matrix: Tensor

    def __init__(self, width: int, size: int = 10_000) -> None:
        super().__init__(size)
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("matrix", torch.eye(width))
        self.entry = {"name": "mahalanobis", "size": size}

    def fit(self, features: Tensor) -> None:
        """Estimate mean and covariance of features [M, D]."""
        mean, matrix = whitening(features.double().cpu().numpy())
        self.mean.copy_(torch.from_numpy(mean))
        self.matrix.copy_(torch.from_numpy(matrix))

    def distances(self, features: Tensor) -> Tensor:
        """Return the distances [N] of features [N, D]."""
        distances: Tensor = torch.linalg.vector_norm((features - self.mean) @ self.matrix, dim=1)
        return distances
