"""What the others come to where the most doubtful images are referred to a person."""

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imbclf.utils.arrays import check_both_classes
from imbclf.utils.checks import check_range


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """Errors of the images that are decided, for each number of images that are referred.

    Attributes:
        referred: float64 `[N]`, share of all images, from 0, rising.
        far, frr: float64 `[N]`, error rates of the decided images of label 0 and of label 1; NaN
            where none of them is left.
    """

    referred: NDArray[np.float64]
    far: NDArray[np.float64]
    frr: NDArray[np.float64]

    @property
    def hter(self) -> NDArray[np.float64]:
        """Half total error rate of the decided images, float64 `[N]`."""
        return (self.far + self.frr) / 2


def risk_coverage(scores: ArrayLike, labels: ArrayLike) -> RiskCoverage:
    """Return the risk-coverage curve: images are referred in the order of |score|.

    Sources: Chow, "On optimum recognition error and reject tradeoff", IEEE Transactions on
    Information Theory, 1970; El-Yaniv and Wiener, "On the foundations of noise-free selective
    classification", JMLR, 2010.

    Args:
        scores: `[N]`, label 1 is decided from 0 on.
        labels: `[N]`, 0 or 1, both present.

    Raises:
        ValueError: as `check_scores`, or a class is absent.

    >>> curve = risk_coverage([-3.0, 0.1, -0.2, 2.0], [0, 0, 1, 1])
    >>> curve.referred.tolist(), curve.far.tolist(), curve.frr.tolist()
    ([0.0, 0.25, 0.5, 0.75], [0.5, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, nan])
    """
    numbers, truth = check_both_classes(scores, labels)
    order = np.argsort(np.abs(numbers), kind="stable")
    wrong = ((numbers >= 0) != truth)[order]
    rates = []
    for label in (0, 1):
        own = truth[order] == label
        # Of the image itself and all that are surer.
        left, errors = (np.cumsum(each[::-1])[::-1] for each in (own, own & wrong))
        rates.append(np.divide(errors, left, out=np.full(len(order), nan), where=left > 0))
    return RiskCoverage(np.arange(len(order)) / len(order), *rates)


def doubtful_width(scores: ArrayLike, share: float) -> float:
    """Return the width w > 0 for which -w <= score < w holds for a share of images.

    It is half way between the |score| of the last image within and of the first one outside.

    Args:
        scores: `[N]`, at least two; label 1 is decided from 0 on.
        share: of the images that are referred, between 0 and 1; at least one is, and not all.

    Raises:
        UserError: the share is out of range.

    >>> doubtful_width([-3.0, 0.5, -0.25, 2.0, 5.0], share=0.4)
    1.25
    """
    check_range("refer", share, above=0, below=1, what="a share")
    doubt = np.sort(np.abs(np.asarray(scores, np.float64)))
    count = min(max(1, round(share * len(doubt))), len(doubt) - 1)
    return float((doubt[count - 1] + doubt[count]) / 2)
