"""The axis of scores that histograms and error rates share."""

import numpy as np
from numpy.typing import NDArray

SCORE = "Logit minus its fold's threshold"
SHOWN = 0.998  # share of the scores; the few beyond would compress the rest of the plot


def score_range(scores: NDArray[np.float64]) -> tuple[float, float]:
    """Return a range that holds nearly all scores, and the threshold 0."""
    low, high = np.quantile(scores, [(1 - SHOWN) / 2, (1 + SHOWN) / 2])
    margin = 0.02 * max(float(high - low), 1e-6)
    return min(float(low), 0.0) - margin, max(float(high), 0.0) + margin
