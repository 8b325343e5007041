"""The results of a run: out-of-fold scores, summary, figures, report."""

import logging
from pathlib import Path
from typing import Any

from imbclf.data.holdout import HOLDOUT
from imbclf.data.splits import Fold
from imbclf.evaluation.fold_files import (
    METRICS,
    FoldResult,
    fold_folder,
    read_epochs,
)
from imbclf.evaluation.run_directory import write_oof
from imbclf.evaluation.run_images import from_memory
from imbclf.evaluation.summary import pool, summarize, table
from imbclf.reporting.plots import draw_det, draw_dev_hter, draw_losses, draw_roc, save_figure
from imbclf.reporting.run_report import REPORT, SUSPECTS, write_report
from imbclf.training.recipe import Recipe
from imbclf.utils.tables import write_json

log = logging.getLogger("imbclf")


def write_results(
    recipe: Recipe, folds: list[Fold], results: list[FoldResult], run: Path
) -> dict[str, Any]:
    """Write the results of the folds' scores; return the contents of `summary.json`."""
    parts, listing, pooled = recipe.parts, recipe.listing, pool(results, folds)
    rows = pooled.rows
    groups = None if listing.groups is None else listing.groups[rows]
    labels = recipe.labels[rows]
    write_oof(run, listing.files[rows], labels, pooled.fold_of, pooled.scores, groups)
    summary = summarize(
        results,
        folds,
        recipe.labels,
        listing.label_names,
        listing.groups,
        parts.cv.repeats,
        parts.cv.threshold,
    )
    summary |= {"seed": parts.seed, "device": str(parts.device), "precision": parts.precision}
    epochs = {
        result.fold: read_epochs(fold_folder(run, result.fold) / METRICS) for result in results
    }
    chosen = {result.fold: result.epoch for result in results}
    judged = pooled.scores, labels, summary["far"], summary["frr"], pooled.fold_of
    figures = {
        "loss.png": draw_losses(epochs, chosen),
        "hter.png": draw_dev_hter(epochs, chosen),
        "roc.png": draw_roc(*judged),
        "det.png": draw_det(*judged),
    }
    for name, figure in figures.items():
        save_figure(figure, run / name)
    # After all other results: a run directory with a summary is finished.
    write_json(run / "summary.json", summary)
    write_report_or_warn(recipe, run)
    log.info("\n%s", table(summary))
    return summary


def write_report_or_warn(recipe: Recipe, run: Path) -> None:
    """Write the report; an error is logged, since the run itself is finished."""
    try:
        write_report(run, from_memory(recipe.listing.files, recipe.pixels), recipe.parts.device)
    except Exception as error:
        log.warning("No report was written (%s); try again with  imbclf-report run=%s", error, run)


def headline(summary: dict[str, Any]) -> dict[str, float]:
    """Return the metrics of a summary that are logged to tracking."""
    low, high = summary["hter_interval"]
    rates = {f"test/{name}": value for name, value in summary.items() if isinstance(value, float)}
    return {**rates, "test/hter_low": low, "test/hter_high": high}


def artifacts(run: Path) -> list[Path]:
    """Return the files of a run directory that are logged to tracking."""
    names = ("config.yaml", "splits.csv", "oof.csv", "summary.json", HOLDOUT, REPORT, SUSPECTS)
    return [path for path in (*(run / name for name in names), *run.glob("*.png")) if path.exists()]
