"""Error rates in the words of medicine and inspection: how the positive label is found."""

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

from imbclf.metrics.predictive_values import Bounded, f1_score, predictive_value
from imbclf.utils.text import text_table

SHOWN = (
    ("sensitivity", "sensitivity (recall)"),
    ("specificity", "specificity"),
    ("balanced_accuracy", "balanced accuracy"),
    ("precision", "precision"),
    ("f1", "F1"),
    ("ppv", "PPV"),
    ("npv", "NPV"),
)


def detection_rates(
    report: Mapping[str, Any], positive: int, prevalence: float | None = None
) -> dict[str, Any]:
    """Return sensitivity, specificity, PPV, NPV, F1 ... with intervals, of the positive label.

    With P the positive label: sensitivity, or recall, = P(decide P | P), specificity = P(decide
    other | other), balanced accuracy = (sensitivity + specificity) / 2 = 1 - HTER; PPV and NPV, the
    shares of right ones among the decisions P and other, by Bayes' rule at a prevalence; precision
    and F1, at the share of P among the images judged. Their intervals follow from those of FAR and
    FRR (`predictive_value`), and account for groups as these do.

    Args:
        report: `far`, `frr`, `hter` and their intervals, and `class_counts`.
        positive: label 0 or 1.
        prevalence: share of P where the decisions will be made; None is that of the images judged.

    >>> report = {"far": 0.1, "frr": 0.2, "hter": 0.15, "class_counts": [900, 100]}
    >>> bounds = {f"{name}_interval": [0.0, 0.5] for name in ("far", "frr", "hter")}
    >>> rates = detection_rates({**report, **bounds}, positive=1)
    >>> rates["sensitivity"], rates["specificity"], round(rates["ppv"], 3), rates["npv"] > 0.97
    (0.8, 0.9, 0.471, True)
    >>> round(detection_rates({**report, **bounds}, positive=1, prevalence=0.01)["ppv"], 3)
    0.075
    """
    missed, alarms = ("frr", "far") if positive == 1 else ("far", "frr")
    counts = report["class_counts"]
    share = counts[positive] / sum(counts)
    stated = share if prevalence is None else prevalence
    false_alarms = _bounded(report, alarms)
    sensitivity, specificity = _bounded(report, missed).complement, false_alarms.complement
    misses = sensitivity.complement
    values = {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "balanced_accuracy": _bounded(report, "hter").complement,
        "ppv": predictive_value(sensitivity, false_alarms, stated),
        "npv": predictive_value(specificity, misses, 1 - stated),
        "precision": predictive_value(sensitivity, false_alarms, share),
        "recall": sensitivity,
        "f1": f1_score(sensitivity, false_alarms, share),
    }
    rates: dict[str, Any] = {"positive": positive, "prevalence": stated, "share": share}
    for name, found in values.items():
        rates[name] = _known(found.value)
        rates[f"{name}_interval"] = [_known(found.low), _known(found.high)]
    return rates


def detection_table(rates: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return all rates with their intervals, a row each; PPV and NPV at the stated prevalence.

    Where that is the share of the images judged, PPV is the precision and has no row of its own.

    Args:
        rates: what `detection_rates` returns, or what an earlier version stored of it.
        names: how the user spells label 0 and label 1.
    """
    share = rates.get("share", rates["prevalence"])
    same = rates["prevalence"] == share
    found = names[rates["positive"]]
    found = f"label {found}" if found.isdecimal() else found
    rows = [(f"finding {found}", "", "95 % interval")]
    for name, words in SHOWN:
        if name not in rates or (same and name == "ppv"):
            continue
        at = f", at a prevalence of {rates['prevalence']:.2%}"
        if name in ("ppv", "npv"):
            words += "" if same else at
        elif name == "precision" and same:
            words += " (PPV)"
        rows.append((words, _four(rates[name]), _interval(rates.get(f"{name}_interval"))))
    width = max(len(row[0]) for row in rows)
    return f"{text_table(rows, f'<{width}  >6  <')}\n{found} is {share:.2%} of these images"


def _bounded(report: Mapping[str, Any], name: str) -> Bounded:
    low, high = report[f"{name}_interval"]
    return Bounded(report[name], low, high)


def _known(value: float) -> float | None:
    return None if isnan(value) else value


def _four(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def _interval(ends: Sequence[float | None] | None) -> str:
    if ends is None or None in ends:
        return ""
    return " to ".join(map(_four, ends))
