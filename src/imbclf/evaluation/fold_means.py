"""What scores are worth without their thresholds: means over fold models, and oracles."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imbclf.metrics.error_rates import error_curve
from imbclf.metrics.ranking import (
    mean_auroc,
    mean_average_precision,
    mean_over_models,
    rank_by_models,
)
from imbclf.utils.arrays import minority_label

RANKING = ("auroc", "average_precision", "average_precision_minority")
ORACLES = ("eer", "min_hter")


def fold_means(
    scores: NDArray[np.float64],
    labels: NDArray[np.int64],
    fold_of: NDArray[np.generic] | None = None,
    clusters: NDArray[np.generic] | None = None,
    level: float = 0.95,
) -> dict[str, Any]:
    """Return ranking measures and oracles of fold models, each on its own test part.

    `auroc`, `average_precision` (of label 1) and `average_precision_minority` are means over folds,
    each with an `..._interval`; `eer` is a mean too. `min_hter` is the HTER of the decisions if the
    threshold of each fold were the best one for its test part, so that no thresholds of the fold
    models could have given a lower HTER. Scores of different folds are nowhere compared.

    Args:
        scores: `[N]`, on one scale within a fold only.
        labels: `[N]`, 0 or 1.
        fold_of: `[N]`, whose test part the row is in; None: one model gave all scores.
        clusters: `[N]`, which rows depend on each other; None: none do.
        level: confidence level of the intervals.

    >>> means = fold_means(np.array([0.0, 1, 8, 9]), np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]))
    >>> means["auroc"], means["min_hter"]
    (1.0, 0.0)
    """
    ranked = rank_by_models(scores, labels, fold_of, clusters)
    of = {
        "auroc": mean_auroc(ranked, level),
        "average_precision": mean_average_precision(ranked, 1, level),
        "average_precision_minority": mean_average_precision(ranked, minority_label(labels), level),
    }
    return {
        **{name: value for name, (value, _, _) in of.items()},
        **{f"{name}_interval": [low, high] for name, (_, low, high) in of.items()},
        "eer": mean_over_models(ranked, lambda own, truth: error_curve(own, truth).eer),
        "min_hter": _least_hter(scores, labels, fold_of),
    }


def with_fold_means(summary: Mapping[str, Any], oof: pd.DataFrame) -> dict[str, Any]:
    """Return a summary with `fold_means`, if it is of a version that ranked all folds together.

    Args:
        summary: the contents of `summary.json`.
        oof: the out-of-fold table, its file names in a column or the index.
    """
    if "auroc_interval" in summary:
        return dict(summary)
    files = oof["file"] if "file" in oof else oof.index.to_series()
    means = fold_means(
        oof["score"].to_numpy(np.float64),
        oof["label"].to_numpy(np.int64),
        oof["fold"].to_numpy(np.int64),
        oof.get("group", files).to_numpy(str),
        float(summary.get("interval_level", 0.95)),
    )
    former = {name: summary[name] for name in (*RANKING, *ORACLES) if name in summary}
    return {**summary, **means, "pooled": former}


def _least_hter(
    scores: NDArray[np.float64],
    labels: NDArray[np.int64],
    fold_of: NDArray[np.generic] | None,
) -> float:
    """Return the least HTER of the decisions over all choices of a threshold for each fold."""
    counts = np.bincount(labels, minlength=2)
    if not counts.all():
        return float("nan")
    folds = np.zeros(len(labels)) if fold_of is None else fold_of
    least = 0.0
    for fold in np.unique(folds):
        own = folds == fold
        shares = np.bincount(labels[own], minlength=2) / counts / 2
        curve = error_curve(scores[own], labels[own])
        # A class that the fold lacks has no errors in it.
        parts = [np.nan_to_num(curve.far) * shares[0], np.nan_to_num(curve.frr) * shares[1]]
        least += float(np.min(np.sum(parts, axis=0)))
    return least
