"""The ensemble rule: how the log-odds of an ensemble's fold models become one probability."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imbclf.utils.schema import field, mapping, number, one_of

Average = Literal["log_odds", "probability"]
KEY = "ensemble"  # of the manifest


@dataclass(frozen=True)
class EnsembleRule:
    """What is averaged over fold models, and how alike these are.

    Attributes:
        average: `log_odds`, or `probability` in predictors of version 0.1.
        correlation: share of the noise of their log-odds that fold models have in common
            (`imbclf.metrics.models_correlation`); the less it is, the more confident is the
            average. 1 leaves the average as it is.
    """

    average: Average = "log_odds"
    correlation: float = 1.0

    def sharpening(self, models: int) -> float:
        """Return by what log likelihood ratios are multiplied where this many are averaged.

        >>> EnsembleRule(correlation=0.5).sharpening(models=5)
        1.6666666666666667
        """
        if self.average == "probability":
            return 1.0
        # Here, so that a manifest is read without scipy.
        from imbclf.metrics.ensemble_calibration import sharpening

        return sharpening(self.correlation, models)

    def probabilities(self, log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return P(label 1), float64 `[N]`, of the fold models' sharpened log-odds `[N, M]`.

        >>> rule, old = EnsembleRule(), EnsembleRule("probability")
        >>> odds = np.array([[0.0, 4.0]])
        >>> rule.probabilities(odds).round(3).tolist(), old.probabilities(odds).round(3).tolist()
        ([0.881], [0.741])
        """
        # Here, so that a manifest is read without scipy.
        from scipy.special import expit

        if self.average == "probability":
            return np.asarray(expit(log_odds).mean(axis=1), np.float64)
        return np.asarray(expit(log_odds.mean(axis=1)), np.float64)

    def to_json(self) -> dict[str, Any]:
        """Return what a manifest holds of it; nothing for a predictor of version 0.1."""
        if self.average == "probability":
            return {}
        return {KEY: {"average": self.average, "correlation": self.correlation}}


OF_LOG_ODDS = EnsembleRule()  # their average as it is


def read_ensemble_rule(stored: Mapping[str, Any]) -> EnsembleRule:
    """Return the ensemble rule among stored values.

    Raises:
        ValueError: a value of it is missing or out of range.

    >>> read_ensemble_rule({"ensemble": {"average": "log_odds", "correlation": 0.7}})
    EnsembleRule(average='log_odds', correlation=0.7)
    """
    rule = field(stored, KEY, mapping)
    average = field(rule, "average", one_of("log_odds"))
    correlation = field(rule, "correlation", number)
    if not 0 <= correlation <= 1:
        raise ValueError(f"{KEY}: correlation: expected 0 to 1, found {correlation}")
    return EnsembleRule(average, correlation)
