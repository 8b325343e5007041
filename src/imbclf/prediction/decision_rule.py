"""The decision rule: how the logits of one fold model become decisions and probabilities."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from imbclf.utils.schema import field, number

if TYPE_CHECKING:
    from imbclf.metrics.thresholds import Method

CHECKPOINT_KEY = "imbclf"  # what a checkpoint keeps the description of its fold model under


class DecisionRule(TypedDict):
    """How to read logits f of one fold model; JSON-able.

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


def check_rule(stored: Mapping[str, Any]) -> DecisionRule:
    """Return the decision rule among stored values.

    Raises:
        ValueError: a number of it is missing or out of range.

    >>> numbers = {"threshold": 0.1, "slope": 2, "intercept": 0, "temperature": 1, "prior": 0.8}
    >>> check_rule(numbers)["prior"]
    0.8
    >>> check_rule({**numbers, "prior": 1})
    Traceback (most recent call last):
    ValueError: prior: expected a share between 0 and 1, found 1.0
    """
    rule = DecisionRule(
        threshold=field(stored, "threshold", number),
        slope=field(stored, "slope", number),
        intercept=field(stored, "intercept", number),
        temperature=field(stored, "temperature", number),
        prior=field(stored, "prior", number),
    )
    if rule["temperature"] <= 0:
        raise ValueError(f"temperature: expected a number above 0, found {rule['temperature']}")
    if not 0 < rule["prior"] < 1:
        raise ValueError(f"prior: expected a share between 0 and 1, found {rule['prior']}")
    return rule


def decision_rule(
    logits: NDArray[np.float64], labels: NDArray[np.int64], method: "Method"
) -> DecisionRule:
    """Choose the threshold and fit both calibrations on logits `[N]` with labels `[N]`.

    Raises:
        ValueError: a logit is not finite, or a class is absent.

    >>> rule = decision_rule(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0, 0, 1, 1]), "smoothed")
    >>> rule["threshold"], rule["prior"]
    (0.0, 0.5)
    """
    # Here, so that a manifest is read without scipy and scikit-learn.
    from imbclf.metrics.calibration import fit_platt, fit_temperature
    from imbclf.metrics.thresholds import choose_threshold

    slope, intercept = fit_platt(logits, labels)
    return DecisionRule(
        threshold=choose_threshold(logits, labels, method),
        slope=slope,
        intercept=intercept,
        temperature=fit_temperature(logits, labels),
        prior=float(labels.mean()),
    )
