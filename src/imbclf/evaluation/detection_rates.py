"""Error rates in the words of medicine and inspection: how the rarer label is found."""

from collections.abc import Mapping, Sequence
from typing import Any


def detection_rates(report: Mapping[str, Any], positive: int) -> dict[str, Any]:
    """Return sensitivity, specificity, PPV and NPV, of one label as the positive one.

    With P the positive label: sensitivity = P(decide P | P), specificity = P(decide other | other);
    PPV and NPV, the shares of right ones among the decisions P and other, by Bayes' rule at the
    prevalence of the images judged; balanced accuracy = (sensitivity + specificity) / 2 = 1 - HTER.

    Args:
        report: `far`, `frr`, `hter` and their intervals, and `class_counts`.
        positive: label 0 or 1.

    >>> report = {"far": 0.1, "frr": 0.2, "hter": 0.15, "class_counts": [900, 100]}
    >>> bounds = {f"{name}_interval": [0.0, 0.5] for name in ("far", "frr", "hter")}
    >>> rates = detection_rates({**report, **bounds}, positive=1)
    >>> rates["sensitivity"], rates["specificity"], round(rates["ppv"], 3), rates["npv"] > 0.97
    (0.8, 0.9, 0.471, True)
    """
    missed, alarms = ("frr", "far") if positive == 1 else ("far", "frr")
    counts = report["class_counts"]
    prevalence = counts[positive] / sum(counts)
    sensitivity, specificity = 1 - report[missed], 1 - report[alarms]
    return {
        "positive": positive,
        "prevalence": prevalence,
        "sensitivity": sensitivity,
        "sensitivity_interval": _turned(report[f"{missed}_interval"]),
        "specificity": specificity,
        "specificity_interval": _turned(report[f"{alarms}_interval"]),
        "balanced_accuracy": 1 - report["hter"],
        "balanced_accuracy_interval": _turned(report["hter_interval"]),
        "ppv": _right(sensitivity * prevalence, report[alarms] * (1 - prevalence)),
        "npv": _right(specificity * (1 - prevalence), report[missed] * prevalence),
    }


def detection_text(rates: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return sensitivity and specificity with their intervals, on one line."""
    shown = [
        f"{name} {rates[name]:.4f} ({rates[f'{name}_interval'][0]:.4f} to "
        f"{rates[f'{name}_interval'][1]:.4f})"
        for name in ("sensitivity", "specificity")
    ]
    return f"Finding label {names[rates['positive']]}: {', '.join(shown)}"


def _turned(interval: Sequence[float]) -> list[float]:
    low, high = interval
    return [1 - high, 1 - low]


def _right(right: float, wrong: float) -> float | None:
    return right / (right + wrong) if right + wrong > 0 else None
