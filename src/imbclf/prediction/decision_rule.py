"""What a network's scores need to become decisions and probabilities, as plain numbers."""

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from imbclf.metrics.calibration import fit_platt, fit_temperature
from imbclf.metrics.thresholds import Method, choose_threshold

CARD = "imbclf"  # what a checkpoint keeps them under


class DecisionRule(TypedDict):
    """How to read logits f of one network; JSON-able.

    Attributes:
        threshold: decide 1 where f >= threshold.
        slope, intercept: P(label 1) = sigmoid(slope f + intercept) (Platt).
        temperature: P(label 1) = sigmoid(f / temperature).
        prior: share of label 1 that these probabilities hold for.
    """

    threshold: float
    slope: float
    intercept: float
    temperature: float
    prior: float


def decision_rule(
    logits: NDArray[np.float64], labels: NDArray[np.int64], method: Method
) -> DecisionRule:
    """Choose the threshold and fit both calibrations on logits `[N]` with labels `[N]`.

    Raises:
        ValueError: a logit is not finite, or a class is absent.

    >>> rule = decision_rule(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0, 0, 1, 1]), "smoothed")
    >>> rule["threshold"], rule["prior"]
    (0.0, 0.5)
    """
    slope, intercept = fit_platt(logits, labels)
    return DecisionRule(
        threshold=choose_threshold(logits, labels, method),
        slope=slope,
        intercept=intercept,
        temperature=fit_temperature(logits, labels),
        prior=float(labels.mean()),
    )
