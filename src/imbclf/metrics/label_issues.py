"""Label issues: labels that are probably wrong, by confident learning."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imbclf.utils.arrays import check_probabilities


@dataclass(frozen=True, eq=False)
class LabelIssues:
    """Images whose label is probably wrong, the most probable first.

    Attributes:
        rows: int64 `[S]`, indices of the images.
        suggested: int64 `[S]`, the other label.
        confidence: float64 `[S]`, probability of the given label (self-confidence), ascending.
    """

    rows: NDArray[np.int64]
    suggested: NDArray[np.int64]
    confidence: NDArray[np.float64]


def find_label_issues(probabilities: ArrayLike, labels: ArrayLike) -> LabelIssues:
    """Return images confidently predicted as the other label (confident learning).

    The confidence threshold of class j, t_j, is the mean of P(label j) over the images labeled j.
    An image labeled i counts as j if P(j) >= t_j, or as the likelier label if this holds for both;
    C_ij is their number. Of the n_i images labeled i, the n_i C_ij / (C_ii + C_ij) (rounded) with
    the least P(i) are issues, if P(i) is below 1/2. Thresholds per class make this work for a rare
    class that is never predicted with high probability.

    Source: Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty in dataset
    labels", Journal of Artificial Intelligence Research 70, 2021, sections 3.1 and 3.2, "prune by
    noise rate", without the condition P(i) < 1/2.

    Args:
        probabilities: `[N]`, of label 1, calibrated, from models not trained on the image.
        labels: `[N]`, 0 or 1, as given.

    Raises:
        ValueError: as `check_probabilities`, or a class is absent.

    >>> found = find_label_issues([0.1, 0.2, 0.9, 0.8, 0.9, 0.1], [0, 0, 0, 1, 1, 1])
    >>> found.rows.tolist(), found.suggested.tolist()
    ([2, 5], [1, 0])
    """
    numbers, truth = check_probabilities(probabilities, labels)
    if truth.min() == truth.max():
        raise ValueError(f"labels: all {len(truth)} are {truth[0]}, both classes are needed")
    of_label = np.stack([1 - numbers, numbers])
    own = np.where(truth == 1, numbers, 1 - numbers)
    thresholds = np.array([own[truth == label].mean() for label in (0, 1)])
    confident = of_label >= thresholds[:, None]
    rows, other = np.arange(len(truth)), 1 - truth
    against = confident[other, rows] & (~confident[truth, rows] | (own < 0.5))
    counted = against | confident[truth, rows]
    suspects = []
    for label in (0, 1):
        labeled = np.flatnonzero(truth == label)
        share = against[labeled].sum() / max(counted[labeled].sum(), 1)
        doubted = labeled[np.argsort(own[labeled], kind="stable")]
        doubted = doubted[: round(share * len(labeled))]
        suspects.append(doubted[own[doubted] < 0.5])
    found = np.sort(np.concatenate(suspects))
    order = found[np.argsort(own[found], kind="stable")]
    return LabelIssues(order, other[order], own[order])


def expected_label_issues(
    probabilities: ArrayLike, draws: int = 20, seed: int = 0
) -> tuple[float, float]:
    """Return how many issues uncertain images alone explain: mean and deviation.

    A parametric bootstrap: labels are drawn with the calibrated probabilities, so that none is
    wrong, and the issues among them are counted. Where labels are wrong, the probabilities were
    calibrated with them and the number includes them: a list no longer than it may still hold wrong
    labels, but is no evidence of any.

    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, section 6.5.

    Args:
        probabilities: `[N]`, of label 1, calibrated.
        draws: number of drawn sets of labels.
        seed: random seed.

    Raises:
        ValueError: as `check_probabilities`.

    >>> mean, deviation = expected_label_issues(np.linspace(0.05, 0.95, 400))
    >>> 80 < mean < 120  # a quarter of the labels is not the likelier one
    True
    """
    numbers, _ = check_probabilities(probabilities, np.zeros(np.shape(probabilities), np.int64))
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        labels = (rng.random(len(numbers)) < numbers).astype(np.int64)
        both = 0 < labels.sum() < len(labels)
        found.append(len(find_label_issues(numbers, labels).rows) if both else 0)
    return float(np.mean(found)), float(np.std(found, ddof=1))
