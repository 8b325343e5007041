"""Calibration of scores to probabilities, and correction for other priors."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logit

from imbclf.utils.arrays import check_both_classes

Calibration = Literal["platt", "temperature"]
LARGEST_LOG_TEMPERATURE = 12.0


def fit_platt(scores: ArrayLike, labels: ArrayLike) -> tuple[float, float]:
    """Return slope and intercept of Platt scaling, P(y = 1) = sigmoid(slope * score + intercept).

    Logistic regression on the targets (n1 + 1) / (n1 + 2) and 1 / (n0 + 2) instead of 1 and 0,
    which keep the slope finite if the classes are separable. The slope is not negative: constant
    scores, and scores that are higher for label 0, give slope 0, the best of the rest, so that no
    probability falls where its score rises.
    Source: Platt, "Probabilistic outputs for support vector machines", 1999.

    Args:
        scores: `[N]`, finite.
        labels: `[N]`, 0 or 1, both present.

    Raises:
        ValueError: as `check_scores`, or a class is absent.

    >>> slope, intercept = fit_platt([-3.0, -1.0, 1.0, 3.0], [0, 0, 1, 1])
    >>> slope > 0, abs(intercept) < 1e-6
    (True, True)
    """
    numbers, truth = check_both_classes(scores, labels)
    n0, n1 = np.bincount(truth)
    targets = np.where(truth == 1, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    mean, deviation = float(numbers.mean()), float(numbers.std())
    if deviation == 0:
        return 0.0, float(logit(targets.mean()))
    standard = (numbers - mean) / deviation

    def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = line[0] * standard + line[1]
        error = expit(logits) - targets
        value = (np.logaddexp(0, logits) - targets * logits).mean()
        return float(value), np.array([(error * standard).mean(), error.mean()])

    start = np.array([0.0, logit(targets.mean())])
    slope, intercept = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-9}).x
    if slope <= 0:
        return 0.0, float(logit(targets.mean()))
    return float(slope / deviation), float(intercept - slope * mean / deviation)


def fit_temperature(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the temperature T > 0 of P(y = 1) = sigmoid(score / T) of least cross-entropy.

    Score 0 keeps probability 1/2, which suits losses without class weights or shifts; `fit_platt`
    has an intercept. T is within e^-12 and e^12 times the largest absolute score, since separable
    scores would lead to 0, and misleading ones to infinity. Source: Guo et al., On Calibration of
    Modern Neural Networks, ICML 2017.

    Args:
        scores: `[N]`, finite.
        labels: `[N]`, 0 or 1, both present.

    Raises:
        ValueError: as `check_scores`, or a class is absent.

    >>> round(fit_temperature([-2.0, 2.0, 2.0, 2.0], [0, 1, 1, 0]), 2)
    1.82
    """
    numbers, truth = check_both_classes(scores, labels)
    size = float(np.abs(numbers).max())
    if size == 0:
        return 1.0
    signed = np.where(truth == 1, -numbers, numbers) / size

    def cross_entropy(log_inverse: float) -> float:
        return float(np.logaddexp(0, signed * np.exp(log_inverse)).mean())

    bounds = (-LARGEST_LOG_TEMPERATURE, LARGEST_LOG_TEMPERATURE)
    found = minimize_scalar(cross_entropy, bounds=bounds, method="bounded", options={"xatol": 1e-9})
    return float(size / np.exp(found.x))


def shift_prior(
    probabilities: NDArray[np.float64], prior: float, new_prior: float
) -> NDArray[np.float64]:
    """Return P(y = 1 | x) for a population with another share of label 1 (label shift).

    log-odds + logit(new_prior) - logit(prior), assuming that P(x | y) does not change. Source:
    Saerens et al., Adjusting the Outputs of a Classifier, Neural Computation 2002.

    Args:
        probabilities: `[N]`, valid for `prior`.
        prior: share of label 1 in the population of `probabilities`, between 0 and 1.
        new_prior: share of label 1 in the new population.

    Returns:
        float64 `[N]`.

    >>> shift_prior(np.array([0.5, 0.9]), prior=0.5, new_prior=0.9).round(4)
    array([0.9   , 0.9878])
    """
    with np.errstate(divide="ignore"):
        shifted: NDArray[np.float64] = expit(logit(probabilities) + logit(new_prior) - logit(prior))
    return shifted
