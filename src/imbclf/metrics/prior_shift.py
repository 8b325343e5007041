"""The share of label 1 in new images, from calibrated scores without labels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import chi2

LARGEST_LOG_RATIO = 30.0  # a probability of 1e-13


@dataclass(frozen=True)
class ShareEstimate:
    """An estimated share of label 1.

    Attributes:
        share: of label 1, 0 to 1.
        low, high: bounds of its confidence interval.
        p: of the hypothesis that the share is that of the training.
    """

    share: float
    low: float
    high: float
    p: float


def estimate_share(log_odds: ArrayLike, prior: ArrayLike, level: float = 0.95) -> ShareEstimate:
    """Return the share q of label 1 that makes the scores of new images most likely.

    If P(score | label) is as in training, the log-likelihood of q is, with r the likelihood ratio
    P(score | 1) / P(score | 0) = exp(log-odds - logit(prior)),

        L(q) = sum over images of log(1 + q (r - 1)),

    which is concave; its maximum is what the EM algorithm of Saerens et al. converges to. The
    interval has the shares with 2 (L(max) - L(q)) below the quantile of chi-square, p is that of
    the likelihood-ratio test. With several models, L is the mean over them: they see the same
    images, so that more models are not more evidence. Chance in the calibration is not part of it.

    Covered in .91 to .995 of 200 simulations each of 30, 200 and 2000 images, shares .02 to .5
    (`tests/metrics/test_prior_shift.py`); with few images, the interval is wide.

    Source: Saerens, Latinne and Decaestecker, "Adjusting the outputs of a classifier to new a
    priori probabilities", Neural Computation 14, 2002.

    Args:
        log_odds: `[N]` or, of M models, `[N, M]`, calibrated, of label 1; valid for `prior`.
        prior: share of label 1 in training, between 0 and 1; for each model `[M]`, or one.
        level: confidence level of the interval.

    Raises:
        ValueError: there are no images, a number is NaN, or a prior is not between 0 and 1.

    >>> scores = np.repeat([-4.2, -0.2], 50)  # as likely label 0 as label 1
    >>> found = estimate_share(scores, prior=0.1)
    >>> round(found.share, 2), found.low < found.share < found.high, found.p < 0.001
    (0.5, True, True)
    """
    odds, share = np.asarray(log_odds, np.float64), np.asarray(prior, np.float64)
    if not odds.size or np.isnan(odds).any():
        raise ValueError("log_odds: expected numbers of one or more images")
    if not ((share > 0) & (share < 1)).all():
        raise ValueError(f"prior={share.tolist()}: expected shares between 0 and 1")
    odds = odds.reshape(len(odds), -1)
    ratios = odds - np.log(share / (1 - share))
    excess = np.expm1(np.clip(ratios, -LARGEST_LOG_RATIO, LARGEST_LOG_RATIO))
    peak = _peak(excess)
    best = _log_likelihood(peak, excess)

    def missing(q: float) -> float:
        """Return how much more the peak's likelihood exceeds that of q than the level allows."""
        return 2 * (best - _log_likelihood(q, excess)) - float(chi2.ppf(level, 1))

    low = 0.0 if peak == 0 or missing(0.0) <= 0 else float(brentq(missing, 0.0, peak))
    high = 1.0 if peak == 1 or missing(1.0) <= 0 else float(brentq(missing, peak, 1.0))
    gained = best - _log_likelihood(float(share.mean()), excess)
    return ShareEstimate(peak, low, high, float(chi2.sf(max(0.0, 2 * gained), 1)))


def _log_likelihood(share: float, excess: NDArray[np.float64]) -> float:
    # Bounded away from log 0, where an image is impossible under one label.
    terms = np.log(np.maximum(1 + share * excess, np.exp(-LARGEST_LOG_RATIO)))
    return float(terms.sum() / excess.shape[1])


def _peak(excess: NDArray[np.float64]) -> float:
    """Return the share of the largest likelihood; where all are alike, 1/2."""
    found = minimize_scalar(
        lambda q: -_log_likelihood(q, excess),
        bounds=(0, 1),
        method="bounded",
        options={"xatol": 1e-7},
    )
    inside = float(found.x) if excess.any() else 0.5
    ends = [q for q in (0.0, 1.0) if _log_likelihood(q, excess) >= _log_likelihood(inside, excess)]
    return ends[0] if ends and excess.any() else inside
