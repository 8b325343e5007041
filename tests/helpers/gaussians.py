"""Scores of two Gaussian classes."""

import numpy as np
from numpy.typing import NDArray


def draw(
    seed: int, n0: int = 144, n1: int = 1056, distance: float = 2.6, decimals: int = 15
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], [n0, n1])
    return np.round(rng.normal(size=n0 + n1) + distance * labels, decimals), labels
