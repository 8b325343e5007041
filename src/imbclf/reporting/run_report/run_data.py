"""The tables of a finished run, read from its run directory."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from imbclf.errors import UserError
from imbclf.evaluation.run_directory import (
    METRICS,
    SCORES,
    Epochs,
    fold_folder,
    read_epochs,
    read_oof,
    read_summary,
)
from imbclf.metrics.calibration import fit_platt
from imbclf.metrics.expected_performance import DevAndTest
from imbclf.utils.safe_reading import UNREADABLE
from imbclf.utils.tables import read_table

NEEDED = (
    *("label_names", "class_counts", "minority_label", "folds", "images", "per_fold", "versions"),
    *("interval_level", "eer", "min_hter", "average_precision", "average_precision_minority"),
)


@dataclass(frozen=True, eq=False)
class RunData:
    """A run's tables.

    Attributes:
        run: the run directory.
        summary: `summary.json`.
        config: the text of `config.yaml`.
        files, labels, fold_of, scores, decisions: the columns of `oof.csv`, `[N]`.
        log_odds: float64 `[N]`, calibrated log-odds of label 1: the calibration (Platt's) is
            fitted on the fold's dev scores and applied to its test scores.
        margins: float64 `[N]`, log-odds minus those at the fold's threshold; 1 is decided where
            >= 0, and unlike `scores` they are on one scale for all folds.
        folds: dev and test logits of each fold.
        parts: for each fold the images `[label, part]`, of fit, dev and test; None where labels
            are not known because not all folds were trained.
        epochs: for each fold the metrics of its epochs.
    """

    run: Path
    summary: dict[str, Any]
    config: str
    files: NDArray[np.str_]
    labels: NDArray[np.int64]
    fold_of: NDArray[np.int64]
    scores: NDArray[np.float64]
    decisions: NDArray[np.int64]
    log_odds: NDArray[np.float64]
    margins: NDArray[np.float64]
    folds: Mapping[int, DevAndTest]
    parts: Mapping[int, NDArray[np.int64] | None]
    epochs: Mapping[int, Epochs]

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Return the calibrated probability of label 1, float64 `[N]`."""
        return np.asarray(expit(self.log_odds))

    @property
    def names(self) -> tuple[str, str]:
        """Return how the user spells label 0 and label 1."""
        zero, one = map(str, self.summary["label_names"])
        return zero, one

    @property
    def chosen(self) -> dict[int, int]:
        """Return the chosen epoch of each fold, from 0."""
        return {row["fold"]: row["epoch"] for row in self.summary["per_fold"]}


def read_run_data(run: Path) -> RunData:
    """Read a finished run directory.

    Raises:
        UserError: the run is not finished, or a file of it is missing or damaged.
    """
    if not (run / "summary.json").exists():
        raise UserError(
            f"run={run}: expected the directory of a finished run, which holds summary.json"
        )
    try:
        return _read(run)
    except UNREADABLE as error:
        raise UserError(f"run={run}: not a readable run directory ({error!r})") from error


def by_image(data: RunData) -> RunData:
    """Return the same with each image once.

    With repeated folds log-odds and margins are means; the rest is of the first repeat.
    """
    _, first, image = np.unique(data.files, return_index=True, return_inverse=True)
    rows = np.sort(first)
    times = np.bincount(image)

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return (np.bincount(image, weights=values) / times)[image[rows]]

    return replace(
        data,
        files=data.files[rows],
        labels=data.labels[rows],
        fold_of=data.fold_of[rows],
        scores=data.scores[rows],
        decisions=data.decisions[rows],
        log_odds=mean(data.log_odds),
        margins=mean(data.margins),
    )


def _read(run: Path) -> RunData:
    summary, oof = read_summary(run), read_oof(run)
    for key in NEEDED:
        summary[key]
    splits = pd.read_csv(run / "splits.csv", keep_default_na=False, dtype=str)
    known = dict(zip(oof["file"], oof["label"], strict=True))
    fold_of, scores = oof["fold"].to_numpy(np.int64), oof["score"].to_numpy(np.float64)
    labels = oof["label"].to_numpy(np.int64)
    log_odds, margins = np.zeros(len(oof)), np.zeros(len(oof))
    folds, parts, epochs = {}, {}, {}
    for row in summary["per_fold"]:
        number, threshold, own = row["fold"], row["threshold"], fold_of == row["fold"]
        table = read_table(fold_folder(run, number) / SCORES).astype({"file": str})
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
    return RunData(
        run=run,
        summary=summary,
        config=(run / "config.yaml").read_text(encoding="utf-8"),
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
