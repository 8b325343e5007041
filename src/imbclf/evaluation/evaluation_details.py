"""What an evaluation on labeled images says beside its headline, for a terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imbclf.evaluation.detection_rates import detection_table
from imbclf.evaluation.run_directory import SUMMARY, read_summary
from imbclf.utils.text import text_table

SHARED = ("images", "hter", "hter_interval", "far", "frr", "auroc")


def confusion(decisions: NDArray[np.int64], labels: NDArray[np.int64]) -> list[list[int]]:
    """Return how many images of each label, a row each, were decided label 0 and label 1.

    >>> confusion(np.array([0, 1, 1]), np.array([0, 0, 1]))
    [[1, 1], [0, 1]]
    """
    counts = np.bincount(2 * labels + decisions, minlength=4).reshape(2, 2)
    return [[int(count) for count in row] for row in counts]


def out_of_fold(run: Path | None) -> dict[str, Any] | None:
    """Return the out-of-fold result of a finished run; None where there is none.

    Raises:
        UserError: its summary is damaged.
    """
    if run is None or not (run / SUMMARY).exists():
        return None
    summary = read_summary(run)
    return {name: summary[name] for name in SHARED if name in summary}


def confusion_text(counts: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """Return the confusion table, with the share of wrong decisions of each label.

    >>> print(confusion_text([[45, 5], [9, 441]], ("bad", "good")))
    label  decided bad  decided good  wrong
    bad             45             5  0.1000
    good             9           441  0.0200
    """
    rows = [("label", *(f"decided {name}" for name in names), "wrong")]
    for label, (name, own) in enumerate(zip(names, counts, strict=True)):
        wrong = f"{own[1 - label] / sum(own):.4f}" if sum(own) else ""
        rows.append((name, *map(str, own), wrong))
    return text_table(rows, "<  >  >  <")


def evaluation_details(evaluation: Mapping[str, Any]) -> str:
    """Return the confusion table, the rates of the positive label, and the out-of-fold result."""
    names = evaluation["label_names"]
    blocks = [
        confusion_text(evaluation["confusion"], names),
        detection_table(evaluation["detection"], names),
    ]
    if evaluation.get("out_of_fold"):
        blocks.append(_beside(evaluation, evaluation["out_of_fold"]))
    return "\n\n".join(blocks)


def _beside(evaluation: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Return the result beside the out-of-fold one, at the threshold of an aim if there was one."""
    rows = [
        ("", "images", "HTER", "95 % interval", "FAR", "FRR", "AUROC"),
        _row("these images", evaluation),
    ]
    point = evaluation.get("operating_point")
    if point is None:
        rows.append(_row("out of fold, score >= 0", other))
    else:
        rates = {name: point[name] for name in ("far", "frr")}
        same = {**other, **rates, "hter": sum(rates.values()) / 2, "hter_interval": None}
        rows.append(_row("out of fold, same threshold", same))
    return (
        f"{text_table(rows, '<  >  >  <  >  >  >')}\nOut of fold a single fold model decides; here "
        "all of them together, which mostly err less."
    )


def _row(name: str, result: Mapping[str, Any]) -> tuple[str, ...]:
    interval = result["hter_interval"]
    rates = (f"{result[rate]:.4f}" for rate in ("far", "frr", "auroc"))
    images = f"{result['images']:,}" if "images" in result else ""
    words = "" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"
    return name, images, f"{result['hter']:.4f}", words, *rates
