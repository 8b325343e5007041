"""The summary of a run: error rates of the pooled decisions with their intervals."""

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imbclf.data.splits import Fold
from imbclf.evaluation.cautions import few_in_dev, fold_that_stands_out
from imbclf.evaluation.cross_fitting import cross_fitted
from imbclf.evaluation.decision_errors import LEVEL, error_intervals
from imbclf.evaluation.detection_rates import detection_rates
from imbclf.evaluation.fold_files import FoldResult
from imbclf.evaluation.fold_means import ORACLES, RANKING, fold_means
from imbclf.evaluation.training_chance import training_chance
from imbclf.evaluation.verdict import collapsed_folds, verdict
from imbclf.metrics.error_rates import binary_report
from imbclf.metrics.intervals import bootstrap_hter_interval
from imbclf.metrics.thresholds import Method
from imbclf.utils.arrays import minority_class

LIBRARIES = ("imbclf", "torch", "torchvision", "lightning", "numpy", "scikit-learn")


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """The test scores of all trained folds, an image a row and, with repeated folds, more.

    Attributes:
        rows: int64 `[M]`, indices of the images, rising.
        fold_of: int64 `[M]`, the fold whose test part the image is in.
        scores: float64 `[M]`, logit minus the fold's threshold; the decision is 1 where >= 0.
            Logits of different fold models are not on one scale, these scores are, around 0.
    """

    rows: NDArray[np.int64]
    fold_of: NDArray[np.int64]
    scores: NDArray[np.float64]


def pool(results: Sequence[FoldResult], folds: Sequence[Fold]) -> OutOfFold:
    """Join the folds' test scores."""
    tests = [folds[result.fold].test for result in results]
    rows = np.concatenate(tests)
    fold_of = np.repeat([result.fold for result in results], [len(test) for test in tests])
    scores = np.concatenate([result.test_logits - result.threshold for result in results])
    order = np.lexsort((fold_of, rows))
    return OutOfFold(rows[order], fold_of[order], scores[order])


def pooled_report(
    scores: NDArray[np.float64],
    labels: NDArray[np.int64],
    label_names: tuple[str, str],
    clusters: NDArray[np.generic] | None = None,
    fold_of: NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """Evaluate scores `[N]` with threshold 0: HTER with its intervals, all other rates, counts.

    The decisions of all rows are counted together. What does not depend on them (`fold_means`) is
    measured fold by fold, since scores of fold models are not on one scale; what it would be for
    all scores together is under `pooled`. The interval is the closed form, which accounts for rows
    that depend on each other; the bootstrap interval, by cluster, is reported beside it.

    Args:
        scores: `[N]`; 1 is decided where >= 0.
        labels: `[N]`.
        label_names: how the user spells them.
        clusters: `[N]`, which rows depend on each other (a patient's, an image's); None: none do.
        fold_of: `[N]`, whose fold model gave the score; None: one model, or one ensemble, gave all.
    """
    report = binary_report(scores, labels, 0.0)
    pooled = {name: report.pop(name) for name in (*RANKING, *ORACLES)}
    means = fold_means(scores, labels, fold_of, clusters, LEVEL)
    zero, one = (int(np.sum(labels == label)) for label in (0, 1))
    return {
        "hter": report.pop("hter"),
        **error_intervals(scores >= 0, labels, clusters),
        "hter_interval_bootstrap": list(
            bootstrap_hter_interval(scores >= 0, labels, clusters, LEVEL)
        ),
        "interval_level": LEVEL,
        **report,
        **means,
        **({} if fold_of is None else {"pooled": pooled}),
        "images": len(labels),
        "class_counts": [zero, one],
        "label_names": list(label_names),
    }


def summarize(
    results: Sequence[FoldResult],
    folds: Sequence[Fold],
    labels: NDArray[np.int64],
    label_names: tuple[str, str],
    groups: NDArray[np.str_] | None = None,
    repeats: int = 1,
    method: Method | None = None,
    positive: int | None = None,
) -> dict[str, Any]:
    """Return the contents of `summary.json`: the a-priori HTER of pooled decisions, and the rest.

    Thresholds and epochs were chosen on dev parts and applied once to test parts; `min_hter` and
    `eer` choose their threshold on the test scores and are reported for comparison. AUROC, average
    precision and EER are means over folds (`fold_means`), with repeated folds over all of them.
    Over repeated folds rates are means over the repeats, and images are counted once.

    Args:
        results: of the folds that were trained.
        folds: all of them, those of the first repeat first.
        labels: `[N]`, of all images.
        label_names: how the user spells them.
        groups: `[N]`, which images depend on each other, where that is known.
        repeats: how many times the images were divided.
        method: how thresholds are chosen; with it, `cross_fitted` is part of the summary.
        positive: label that `detection` is about; None is the rarer one.
    """
    pooled = pool(results, folds)
    clusters = groups if groups is not None else np.arange(len(labels)) if repeats > 1 else None
    report = pooled_report(
        pooled.scores,
        labels[pooled.rows],
        label_names,
        None if clusters is None else clusters[pooled.rows],
        pooled.fold_of,
    )
    zero, one = np.bincount(labels[np.unique(pooled.rows)], minlength=2).tolist()
    report |= {"images": zero + one, "class_counts": [zero, one]}
    if method is not None:
        report["cross_fitted"] = cross_fitted(results, folds, labels, clusters, method)
    decisions, truth = (pooled.scores >= 0).astype(np.int64), labels[pooled.rows]
    own = None if groups is None else groups[pooled.rows]
    chance = training_chance(decisions, truth, pooled.fold_of, len(folds) // repeats, own)
    collapsed = collapsed_folds(pooled.scores, pooled.fold_of)
    rare = minority_class((zero, one))
    trained = {result.fold: folds[result.fold] for result in results}
    return {
        **report,
        "verdict": asdict(verdict(report["hter"], report["hter_interval"], collapsed)),
        "detection": detection_rates(report, rare if positive is None else positive),
        **({} if chance is None else {"training_chance": chance}),
        "warnings": [
            *few_in_dev(trained, labels, label_names),
            *fold_that_stands_out(decisions, truth, pooled.fold_of, own),
        ],
        "minority_label": rare,
        "folds": len(folds) // repeats,
        "repeats": repeats,
        "by_group": groups is not None,
        "thresholds": [result.threshold for result in results],
        "per_fold": [_row(result, folds[result.fold], labels) for result in results],
        "seconds": sum(result.seconds for result in results),
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    libraries = {library: version(library) for library in LIBRARIES}
    return {"python": platform.python_version(), **libraries}


def _row(result: FoldResult, fold: Fold, labels: NDArray[np.int64]) -> dict[str, Any]:
    """Return the row of one fold; `dev_` numbers are those that choices were made by."""
    dev = binary_report(result.dev_logits, labels[fold.dev], result.threshold)
    return {
        "fold": result.fold,
        "chosen_epoch": result.epoch + 1,
        "threshold": result.threshold,
        **binary_report(result.test_logits, labels[fold.test], result.threshold),
        "dev_hter": dev["hter"],
        "dev_auroc": dev["auroc"],
        "fit_images": len(fold.fit),
        "test_images": len(fold.test),
        "seconds": result.seconds,
        "images_per_second": result.images_per_second,
    }
