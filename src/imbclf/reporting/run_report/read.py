"""Read what a report needs of a finished run."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imbclf.errors import UserError
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

NEEDED = (
    *("label_names", "class_counts", "minority_label", "folds", "images", "per_fold", "versions"),
    *("interval_level", "eer", "min_hter", "average_precision", "average_precision_minority"),
)


def read_run_data(run: Path) -> RunData:
    """Read a finished run directory.

    Raises:
        UserError: the run is not finished, or a file of it is missing or damaged.
    """
    if not (run / "summary.json").exists():
        raise UserError(
            f"run={run}: expected the directory of a finished run, which holds summary.json"
        )
    return _read(run)


def _read(run: Path) -> RunData:
    stored, oof = read_summary(run, NEEDED), read_oof(run)
    summary = with_fold_means(stored, oof)
    splits = read_split_table(run)
    for row in summary["per_fold"]:
        if f"fold_{row['fold']}" not in splits:
            raise UserError(f"{run / SPLITS}: has no fold {row['fold']}, summary.json has it")
    # Images of a given dev part, or without a number, are never tested.
    trained = read_training_images(run)
    labeled = oof if trained is None else trained
    known = dict(zip(labeled["file"], labeled["label"], strict=True))
    fold_of, scores = oof["fold"].to_numpy(np.int64), oof["score"].to_numpy(np.float64)
    labels = oof["label"].to_numpy(np.int64)
    log_odds, margins = np.zeros(len(oof)), np.zeros(len(oof))
    folds, parts, epochs = {}, {}, {}
    for row in summary["per_fold"]:
        number, threshold, own = row["fold"], row["threshold"], fold_of == row["fold"]
        table = read_scores(run, number)
        dev = table[table["part"] == "dev"]
        folds[number] = DevAndTest(
            dev["logit"].to_numpy(np.float64),
            dev["label"].to_numpy(np.int64),
            scores[own] + threshold,
            labels[own],
        )
        slope, intercept = fit_platt(folds[number].dev_scores, folds[number].dev_labels)
        margins[own] = slope * scores[own]
        log_odds[own] = margins[own] + slope * threshold + intercept
        parts[number] = _count(splits["file"], splits[f"fold_{number}"], known)
        epochs[number] = read_epochs(fold_folder(run, number) / METRICS)
    with readable(run / "config.yaml", "a configuration of imbclf-train"):
        config = (run / "config.yaml").read_text(encoding="utf-8")
        stored_options = read_yaml(run / "config.yaml")
    return RunData(
        run=run,
        summary=summary,
        config=config,
        options={
            name: section
            for name, section in stored_options.items()
            if isinstance(section, Mapping)
        },
        files=oof["file"].to_numpy(str),
        labels=labels,
        fold_of=fold_of,
        scores=scores,
        decisions=oof["decision"].to_numpy(np.int64),
        log_odds=log_odds,
        margins=margins,
        folds=folds,
        parts=parts,
        epochs=epochs,
        groups=oof["group"].to_numpy(str) if "group" in oof else None,
    )


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
