"""From scores to probabilities: calibration on scores with known labels, and other priors."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logit

from imbclf.utils.arrays import check_both_classes

Calibration = Literal["platt", "temperature"]
LARGEST_LOG_TEMPERATURE = 12.0


def fit_platt(scores: ArrayLike, labels: ArrayLike) -> tuple[float, float]:
    """Return slope and intercept of the calibration P(y = 1) = sigmoid(slope * score + intercept).

    Logistic regression towards (n1 + 1) / (n1 + 2) and 1 / (n0 + 2) instead of 1 and 0, which
    keeps it finite when the classes are separable (Platt, "Probabilistic outputs for support
    vector machines", 1999). Scores that are all the same get slope 0.

    Raises:
        ValueError: as `check_scores`, or if a class is absent.

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
    return float(slope / deviation), float(intercept - slope * mean / deviation)


def fit_temperature(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the T > 0 of P(y = 1) = sigmoid(score / T) with the least cross-entropy.

    It keeps probability 1/2 at score 0: right for losses that neither weigh nor shift the classes
    (Guo et al., On Calibration of Modern Neural Networks, ICML 2017); `fit_platt` moves it too.
    T stays within e^-12 and e^12 of the scores' own size, where separable scores would lead to 0
    and misleading ones to infinity.

    Raises:
        ValueError: as `check_scores`, or if a class is absent.

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
    """Return P(y = 1 | x) for a population in which label 1 has another share.

    log-odds + logit(new) - logit(old): the images of a class look as before, only their number
    changes (Saerens et al., Adjusting the Outputs of a Classifier, Neural Computation 2002).

    Args:
        probabilities: `[N]`, for the old prior.
        prior: share of label 1 that they hold for, between 0 and 1.
        new_prior: share of label 1 that is wanted.

    >>> shift_prior(np.array([0.5, 0.9]), prior=0.5, new_prior=0.9).round(4)
    array([0.9   , 0.9878])
    """
    with np.errstate(divide="ignore"):
        shifted: NDArray[np.float64] = expit(logit(probabilities) + logit(new_prior) - logit(prior))
    return shifted
