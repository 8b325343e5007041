"""From the folds' scores to the honest answer: pooled decisions, an interval, a table."""

import platform
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imbclf.metrics import binary_report
from imbclf.runs import FoldResult
from imbclf.splits import Fold
from imbclf.statistics import hter_interval

LEVEL = 0.95
LIBRARIES = ("imbclf", "torch", "torchvision", "lightning", "numpy", "scikit-learn")


def pool(
    results: Sequence[FoldResult], folds: Sequence[Fold], images: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Join the folds' test scores: each image's fold (-1: not tested) and logit minus threshold.

    Logits of different fold models are not on one scale; what is left after taking off each
    fold's own threshold is, around the decision, which is 1 where it is >= 0.
    """
    fold_of = np.full(images, -1, dtype=np.int64)
    scores = np.full(images, np.nan)
    for result in results:
        rows = folds[result.fold].test
        fold_of[rows] = result.fold
        scores[rows] = result.test_logits - result.threshold
    return fold_of, scores


def pooled_report(
    scores: NDArray[np.float64], labels: NDArray[np.int64], label_names: tuple[str, str]
) -> dict[str, Any]:
    """Judge scores `[N]` whose threshold is 0: HTER with its interval, all other rates, counts."""
    report = binary_report(scores, labels, 0.0)
    zero, one = (int(np.sum(labels == label)) for label in (0, 1))
    return {
        "hter": report["hter"],
        "hter_interval": list(hter_interval(report["far"], report["frr"], zero, one, LEVEL)),
        "interval_level": LEVEL,
        **{name: value for name, value in report.items() if name != "hter"},
        "images": len(labels),
        "class_counts": [zero, one],
        "label_names": list(label_names),
    }


def summarise(
    results: Sequence[FoldResult],
    folds: Sequence[Fold],
    labels: NDArray[np.int64],
    label_names: tuple[str, str],
) -> dict[str, Any]:
    """Give the contents of `summary.json`: the a-priori HTER of pooled decisions, and the rest.

    Thresholds and epochs were chosen on dev parts and applied once to test parts; `min_hter` and
    `eer` look at the test scores to choose their threshold and stand beside it for comparison.
    """
    fold_of, scores = pool(results, folds, len(labels))
    tested = fold_of >= 0
    report = pooled_report(scores[tested], labels[tested], label_names)
    zero, one = report["class_counts"]
    rows = []
    for result in results:
        test = folds[result.fold].test
        own = binary_report(result.test_logits, labels[test], result.threshold)
        rows.append(
            {
                "fold": result.fold,
                "epoch": result.epoch,
                "threshold": result.threshold,
                **own,
                "test_images": len(test),
                "seconds": result.seconds,
                "images_per_second": result.images_per_second,
            }
        )
    return {
        **report,
        "minority_label": int(one < zero),
        "folds": len(folds),
        "thresholds": [result.threshold for result in results],
        "per_fold": rows,
        "seconds": sum(result.seconds for result in results),
        "versions": {
            "python": platform.python_version(),
            **{library: version(library) for library in LIBRARIES},
        },
    }


def table(summary: dict[str, Any]) -> str:
    """Give the short table that a run ends with.

    The pooled row is the answer; the rows above it are its parts.
    """
    columns = ("hter", "far", "frr", "eer", "auroc")
    lines = ["  fold  epoch    HTER     FAR     FRR     EER   AUROC  seconds  images/s"]
    for row in summary["per_fold"]:
        rates = " ".join(f"{row[name]:7.4f}" for name in columns)
        speed = f"{row['seconds']:8.1f} {row['images_per_second']:9.0f}"
        lines.append(f"{row['fold']:6d} {row['epoch'] + 1:6d} {rates} {speed}")
    rates = " ".join(f"{summary[name]:7.4f}" for name in columns)
    lines.append(f"pooled        {rates} {summary['seconds']:8.1f}")
    low, high = summary["hter_interval"]
    zero, one = summary["class_counts"]
    lines.append("")
    lines.append(
        f"HTER {summary['hter']:.4f}, 95 % interval {low:.4f} to {high:.4f}, over "
        f"{zero} images of label {summary['label_names'][0]} and "
        f"{one} of label {summary['label_names'][1]}"
    )
    return "\n".join(lines)
