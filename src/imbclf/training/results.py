"""The results of a run: out-of-fold scores, summary, figures, report."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imbclf.data.holdout import HOLDOUT
from imbclf.data.parts import count_parts
from imbclf.data.splits import Fold
from imbclf.evaluation.fold_files import (
    METRICS,
    Epochs,
    FoldResult,
    fold_folder,
    read_epochs,
)
from imbclf.evaluation.given_test import TEST_TABLE, side_by_side
from imbclf.evaluation.positive_label import positive_label
from imbclf.evaluation.run_command import COMMAND
from imbclf.evaluation.run_directory import write_oof
from imbclf.evaluation.run_images import from_memory
from imbclf.evaluation.shipped import shipped
from imbclf.evaluation.subgroups import out_of_fold_subgroups
from imbclf.evaluation.summary import OutOfFold, pool, summarize
from imbclf.evaluation.summary_table import table
from imbclf.reporting.figures.det import draw_det
from imbclf.reporting.figures.detection_curve import Scored
from imbclf.reporting.figures.learning_curves import draw_dev_hter, draw_losses
from imbclf.reporting.figures.precision_recall import draw_precision_recall
from imbclf.reporting.figures.roc import draw_roc
from imbclf.reporting.figures.save import save_figure
from imbclf.reporting.run_report import REPORT, SUSPECTS, write_report
from imbclf.training.recipe import Recipe
from imbclf.training.trained_epochs import add_epochs
from imbclf.utils.arrays import minority_label
from imbclf.utils.tables import write_json

log = logging.getLogger("imbclf")


def write_results(
    recipe: Recipe,
    folds: list[Fold],
    results: list[FoldResult],
    run: Path,
    test: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Write the results of the folds' scores; return the contents of `summary.json`.

    Args:
        recipe: of the experiment.
        folds: all of them.
        results: of those that were trained.
        run: the run directory.
        test: the result on the test part that the user made, if there is one.
        data: what was read of the data set, and what was left out.
    """
    listing, pooled = recipe.listing, pool(results, folds)
    groups = None if listing.groups is None else listing.groups[pooled.rows]
    labels = recipe.labels[pooled.rows]
    write_oof(run, listing.files[pooled.rows], labels, pooled.fold_of, pooled.scores, groups)
    summary = _summarize(recipe, folds, results, run, pooled, test, data)
    epochs = {
        result.fold: read_epochs(fold_folder(run, result.fold) / METRICS) for result in results
    }
    add_epochs(summary, recipe, run, epochs)
    rare = summary["minority_label"]
    scored = Scored(pooled.scores, labels, pooled.fold_of, rare, listing.label_names[rare])
    _draw(run, scored, summary, epochs, {result.fold: result.epoch for result in results})
    # After all other results: a run directory with a summary is finished.
    write_json(run / "summary.json", summary)
    log.info("\n%s", table(summary))
    if test is not None:
        log.info("\n%s", side_by_side(summary))
    write_report_or_warn(recipe, run)
    return summary


def _summarize(
    recipe: Recipe,
    folds: list[Fold],
    results: list[FoldResult],
    run: Path,
    pooled: OutOfFold,
    test: dict[str, Any] | None,
    data: dict[str, Any] | None,
) -> dict[str, Any]:
    """Return the summary but for what it says of epochs."""
    parts, listing = recipe.parts, recipe.listing
    summary = summarize(
        results,
        folds,
        recipe.labels,
        listing.label_names,
        listing.groups,
        parts.cv.repeats,
        parts.cv.threshold,
        positive_label(minority_label(recipe.labels), listing.label_names, run),
    )
    summary |= {"seed": parts.seed, "device": str(parts.device), "precision": parts.precision}
    if data is not None:
        summary["data"] = data
    if listing.subgroups:
        rows, labels = pooled.rows, recipe.labels[pooled.rows]
        summary["subgroups"] = out_of_fold_subgroups(run, listing, rows, pooled.scores, labels)
    if listing.parts is not None:
        summary["parts"] = count_parts(listing)
    if test is not None:
        summary["parts"]["test"] = test["class_counts"]
        summary["test"] = test
    summary["shipped"] = shipped(
        results, folds, recipe.labels, listing.groups, parts.cv.threshold, test
    )
    return summary


def _draw(
    run: Path,
    scored: Scored,
    summary: Mapping[str, Any],
    epochs: Mapping[int, Epochs],
    chosen: dict[int, int],
) -> None:
    """Write the figures of a run."""
    precision_recall = draw_precision_recall(scored, summary["average_precision_minority"])
    figures = {
        "loss.png": draw_losses(epochs, chosen),
        "hter.png": draw_dev_hter(epochs, chosen),
        "roc.png": draw_roc(scored),
        "precision_recall.png": precision_recall,
        "det.png": draw_det(scored, summary["eer"]),
    }
    for name, figure in figures.items():
        save_figure(figure, run / name)


def write_report_or_warn(recipe: Recipe, run: Path) -> None:
    """Write the report; an error is logged, since the run itself is finished."""
    log.info("\nwriting  the report")
    try:
        write_report(run, from_memory(recipe.listing.files, recipe.pixels), recipe.parts.device)
    except Exception as error:
        log.warning("No report was written (%s); try again with  imbclf-report run=%s", error, run)


def headline(summary: dict[str, Any]) -> dict[str, float]:
    """Return the metrics of a summary that are logged to tracking.

    `test/...` are out of fold; `given_test/...` are of the test part that the user made.
    """
    return {
        **_metrics("test", summary),
        **(_metrics("given_test", summary["test"]) if "test" in summary else {}),
    }


def _metrics(prefix: str, report: dict[str, Any]) -> dict[str, float]:
    low, high = report["hter_interval"]
    rates = {
        f"{prefix}/{name}": value
        for name, value in report.items()
        if isinstance(value, float) and name != "interval_level"
    }
    found = {f"{prefix}/hter_low": low, f"{prefix}/hter_high": high}
    return {**rates, **found, **detection_metrics(prefix, report.get("detection", {}))}


def detection_metrics(prefix: str, rates: dict[str, Any]) -> dict[str, float]:
    """Return the rates of detection and the ends of their intervals, those that are known."""
    names = [name for name in rates if f"{name}_interval" in rates]
    ends = [
        (f"{name}_{end}", rates[f"{name}_interval"][place])
        for name in names
        for place, end in enumerate(("low", "high"))
    ]
    own = [("prevalence", rates.get("prevalence")), *((name, rates[name]) for name in names), *ends]
    return {f"{prefix}/{name}": value for name, value in own if value is not None}


def artifacts(run: Path) -> list[Path]:
    """Return the files of a run directory that are logged to tracking."""
    tables = ("splits.csv", "oof.csv", HOLDOUT, TEST_TABLE)
    names = ("config.yaml", COMMAND, *tables, "summary.json", REPORT, SUSPECTS)
    figures = (*run.glob("*.png"), *run.glob("*.svg"))
    return [path for path in (*(run / name for name in names), *figures) if path.exists()]
