"""Whether an operating point keeps to its aim on images that it was not chosen on."""

from collections.abc import Mapping
from itertools import product
from typing import Any

from imbclf.prediction.aims import WORDS, aimed_rate
from imbclf.prediction.operating_point import OperatingPoint


def judge_point(point: OperatingPoint, report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was aimed at as measured, with an interval, and whether it was met.

    The interval of precision and of alarms is that of the two error rates' least and most
    favorable ends, and so wider than 95 %.

    Args:
        point: the operating point in use.
        report: `far`, `frr` and their intervals on these images.

    >>> point = OperatingPoint("max_far", 0.1, 0.0, 0.95, 1, 0.5, 0.05, 0.2, 0.05, 0.09, 0.15)
    >>> rates = {"far": 0.12, "frr": 0.2}
    >>> bounds = {"far_interval": [0.08, 0.16], "frr_interval": [0.1, 0.3]}
    >>> judge_point(point, rates | bounds)
    {'measured': 0.12, 'measured_interval': [0.08, 0.16], 'met': False}
    """

    def rate(far: float, frr: float) -> float:
        return aimed_rate(point.aim, far, frr, point.positive, point.share)

    if point.aim == "cost_ratio":
        return {}
    measured = rate(report["far"], report["frr"])
    ends = [rate(*pair) for pair in product(report["far_interval"], report["frr_interval"])]
    known = [end for end in ends if end == end]
    met = measured <= point.value if point.aim.startswith("max") else measured >= point.value
    interval = [min(known), max(known)] if known else None
    return {"measured": measured, "measured_interval": interval, "met": bool(met)}


def point_text(point: Mapping[str, Any]) -> str:
    """Return an aim and what came of it, on one line; `point` as in `evaluation.json`.

    >>> judged = {"measured": 0.12, "measured_interval": [0.08, 0.16], "met": False}
    >>> point_text({"aim": "max_far", "value": 0.1, "threshold": 0.5} | judged)
    'Threshold 0.5000, for max_far=0.1: FAR 0.1200, 95 % interval 0.0800 to 0.1600: not met on \
these images; the interval lies on both sides of 0.1'
    """
    told = f"Threshold {point['threshold']:.4f}, for {point['aim']}={point['value']:g}"
    if "measured" not in point:
        return told
    if point["measured_interval"] is None:
        return f"{told}: {WORDS[point['aim']]} undefined, nothing was called that"
    low, high = point["measured_interval"]
    said = "met on these images" if point["met"] else "not met on these images"
    if low < point["value"] < high:
        said += f"; the interval lies on both sides of {point['value']:g}"
    return (
        f"{told}: {WORDS[point['aim']]} {point['measured']:.4f}, 95 % interval {low:.4f} to "
        f"{high:.4f}: {said}"
    )
