"""Read what a report needs of a finished run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.evaluation.finished_run import refuse_unfinished
from imbclf.evaluation.fold_files import (
    METRICS,
    fold_folder,
    read_epochs,
    read_scores,
)
from imbclf.evaluation.fold_means import with_fold_means
from imbclf.evaluation.run_directory import (
    SPLITS,
    read_oof,
    read_split_table,
    read_summary,
)
from imbclf.evaluation.training_images import read_training_images
from imbclf.metrics.calibration import fit_platt
from imbclf.metrics.expected_performance import DevAndTest
from imbclf.reporting.run_report.run_data import RunData
from imbclf.utils.safe_reading import read_yaml, readable

Row = Mapping[str, Any]  # of a fold, in the summary
NEEDED = (
    *("label_names", "class_counts", "minority_label", "folds", "images", "per_fold", "versions"),
    *("interval_level", "eer", "min_hter", "average_precision", "average_precision_minority"),
)


def read_run_data(run: Path) -> RunData:
    """Read a finished run directory.

    Raises:
        UserError: the run is not finished, or a file of it is missing or damaged.
    """
    refuse_unfinished(run)
    return _read(run)


def _read(run: Path) -> RunData:
    stored, oof = read_summary(run, NEEDED), read_oof(run)
    summary = with_fold_means(stored, oof)
    rows = summary["per_fold"]
    parts = _read_part_counts(run, rows, oof)
    folds = {row["fold"]: _read_fold(run, row, oof) for row in rows}
    log_odds, margins = _calibrated(rows, folds, oof)
    with readable(run / "config.yaml", "a configuration of imbclf-train"):
        config = (run / "config.yaml").read_text(encoding="utf-8")
        options = read_yaml(run / "config.yaml")
    return RunData(
        run=run,
        summary=summary,
        config=config,
        options={name: one for name, one in options.items() if isinstance(one, Mapping)},
        files=oof["file"].to_numpy(str),
        labels=oof["label"].to_numpy(np.int64),
        fold_of=oof["fold"].to_numpy(np.int64),
        scores=oof["score"].to_numpy(np.float64),
        decisions=oof["decision"].to_numpy(np.int64),
        log_odds=log_odds,
        margins=margins,
        folds=folds,
        parts=parts,
        epochs={row["fold"]: read_epochs(fold_folder(run, row["fold"]) / METRICS) for row in rows},
        groups=oof["group"].to_numpy(str) if "group" in oof else None,
    )


def _read_fold(run: Path, row: Row, oof: pd.DataFrame) -> DevAndTest:
    """Read the logits and labels of one fold's dev and test parts."""
    scored = read_scores(run, row["fold"])
    dev, test = scored[scored["part"] == "dev"], oof[oof["fold"] == row["fold"]]
    return DevAndTest(
        dev["logit"].to_numpy(np.float64),
        dev["label"].to_numpy(np.int64),
        test["score"].to_numpy(np.float64) + row["threshold"],
        test["label"].to_numpy(np.int64),
    )


def _calibrated(
    rows: Sequence[Row], folds: Mapping[int, DevAndTest], oof: pd.DataFrame
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return log-odds of label 1, by Platt scaling on dev, and their distance to the threshold."""
    fold_of, scores = oof["fold"].to_numpy(np.int64), oof["score"].to_numpy(np.float64)
    log_odds, margins = np.zeros(len(oof)), np.zeros(len(oof))
    for row in rows:
        fold, own = folds[row["fold"]], fold_of == row["fold"]
        slope, intercept = fit_platt(fold.dev_scores, fold.dev_labels)
        margins[own] = slope * scores[own]
        log_odds[own] = margins[own] + slope * row["threshold"] + intercept
    return log_odds, margins


def _read_part_counts(
    run: Path, rows: Sequence[Row], oof: pd.DataFrame
) -> dict[int, NDArray[np.int64] | None]:
    """Count the images `[label, part]` of each fold.

    Raises:
        UserError: the splits lack a fold.
    """
    splits = read_split_table(run)
    for row in rows:
        if f"fold_{row['fold']}" not in splits:
            raise UserError(f"{run / SPLITS}: has no fold {row['fold']}, summary.json has it")
    # Images of a given dev part, or without a number, are never tested.
    trained = read_training_images(run)
    labeled = oof if trained is None else trained
    known = dict(zip(labeled["file"], labeled["label"], strict=True))
    return {
        row["fold"]: _count(splits["file"], splits[f"fold_{row['fold']}"], known) for row in rows
    }


def _count(
    files: "pd.Series[str]", parts: "pd.Series[str]", known: Mapping[str, int]
) -> NDArray[np.int64] | None:
    """Count the images `[label, part]` of one fold; None where not all labels are known."""
    labels = files.map(known)
    if labels.isna().any():
        return None
    return np.array(
        [
            [int(((labels == label) & (parts == part)).sum()) for part in ("fit", "dev", "test")]
            for label in (0, 1)
        ]
    )
