"""Quality of probabilities: reliability diagram, calibration error, Brier score."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imbclf.utils.arrays import check_probabilities

BINS = 15


@dataclass(frozen=True, eq=False)
class ReliabilityDiagram:
    """Mean probability and share of label 1 in bins of equal width; empty bins are left out.

    Attributes:
        predicted: float64 `[B]`, mean probability in each bin.
        observed: float64 `[B]`, share of label 1 in each bin.
        counts: int64 `[B]`, number of images in each bin.
    """

    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]
    counts: NDArray[np.int64]


def reliability_diagram(
    probabilities: ArrayLike, labels: ArrayLike, bins: int = BINS
) -> ReliabilityDiagram:
    """Return the reliability diagram of probabilities in `bins` bins of equal width.

    Bin b has b / bins <= P < (b + 1) / bins; the last one includes 1. Source: DeGroot and
    Fienberg, "The comparison and evaluation of forecasters", 1983.

    Args:
        probabilities: `[N]`, of label 1.
        labels: `[N]`, 0 or 1.
        bins: number of bins, including empty ones.

    Raises:
        ValueError: as `check_probabilities`.

    >>> diagram = reliability_diagram([0.1, 0.1, 0.9], [0, 1, 1], bins=2)
    >>> diagram.predicted.tolist(), diagram.observed.tolist(), diagram.counts.tolist()
    ([0.1, 0.9], [0.5, 1.0], [2, 1])
    """
    numbers, truth = check_probabilities(probabilities, labels)
    place = np.minimum((numbers * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins)
    filled = counts > 0
    sums = (np.bincount(place, weights, bins)[filled] for weights in (numbers, truth))
    predicted, observed = (total / counts[filled] for total in sums)
    return ReliabilityDiagram(predicted, observed, counts[filled])


def calibration_error(probabilities: ArrayLike, labels: ArrayLike, bins: int = BINS) -> float:
    """Return the expected calibration error (ECE): mean over images of |predicted - observed|.

    Predicted and observed are those of the image's bin. It is biased upwards if bins have few
    images. Source: Guo et al., "On calibration of
    modern neural networks", ICML 2017.

    Raises:
        ValueError: as `reliability_diagram`.

    >>> round(calibration_error([0.1, 0.1, 0.9], [0, 1, 1], bins=2), 4)
    0.3
    """
    diagram = reliability_diagram(probabilities, labels, bins)
    gap = np.abs(diagram.predicted - diagram.observed)
    return float(np.average(gap, weights=diagram.counts))


def brier_score(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Return the Brier score, the mean of (P(label 1) - label)^2.

    0 is perfect; predicting the prior for every image gives n0 n1 / N^2.

    Source: Brier, "Verification of forecasts expressed in terms of probability", 1950.

    Raises:
        ValueError: as `reliability_diagram`.

    >>> round(brier_score([0.1, 0.1, 0.9], [0, 1, 1]), 4)
    0.2767
    """
    numbers, truth = check_probabilities(probabilities, labels)
    return float(np.mean((numbers - truth) ** 2))
