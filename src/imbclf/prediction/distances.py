"""How far new images are from those of the training, and whether that is more than chance."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, kstwo

SIGNIFICANCE = 1e-3  # level of each test
MIN_EFFECT = 0.1  # difference of two shares, or distance of two distributions
MIN_IMAGES = 30  # images whose distribution is compared


def ks_distance(values: NDArray[np.float64], quantiles: NDArray[np.float64]) -> float:
    """Return the largest difference of two distribution functions (Kolmogorov and Smirnov).

    Args:
        values: `[N, M]`, N >= 1; the differences at each level are averaged over the M columns.
        quantiles: `[Q, M]`, of what each column is compared with, at even levels.

    >>> rising = np.linspace(0, 1, 201)[:, None]
    >>> round(ks_distance(rising + 0.25, rising), 2), ks_distance(rising, rising)
    (0.25, 0.0)
    """
    differences = np.zeros(len(quantiles))
    for own, known in zip(values.T, quantiles.T, strict=True):
        new = np.searchsorted(np.sort(own), known, "right") / len(own)
        differences += (new - np.searchsorted(known, known, "right") / len(known)) / values.shape[1]
    return float(np.abs(differences).max())


def is_significant_drift(distance: float, images: int, known: int) -> bool:
    """Return whether a `ks_distance` between new and known images is large and significant.

    >>> is_significant_drift(0.3, images=200, known=2000)
    True
    >>> is_significant_drift(0.3, images=20, known=2000)
    False
    """
    if images < MIN_IMAGES or distance <= MIN_EFFECT:
        return False
    size = max(1, images * known // (images + known))
    return bool(kstwo.sf(distance, size) < SIGNIFICANCE)


def is_significant_excess(count: int, images: int, share: float) -> bool:
    """Return whether `count` of `images` exceeds an expected share by much and significantly.

    >>> is_significant_excess(1, images=1, share=0.0005)
    True
    >>> is_significant_excess(1, images=1, share=0.01)
    False
    >>> is_significant_excess(5, images=1000, share=0.0005)
    False
    """
    is_large = count / images - share > MIN_EFFECT
    return is_large and bool(binom.sf(count - 1, images, share) < SIGNIFICANCE)
