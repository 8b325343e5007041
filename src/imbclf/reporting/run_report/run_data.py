"""What a finished run left, read back and put side by side."""

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
    SPLITS,
    Epochs,
    fold_folder,
    read_epochs,
    read_oof,
    read_scores,
    read_split_table,
    read_summary,
)
from imbclf.metrics.calibration import fit_platt
from imbclf.metrics.expected_performance import DevAndTest
from imbclf.utils.safe_reading import readable

NEEDED = (
    *("label_names", "class_counts", "minority_label", "folds", "images", "per_fold", "versions"),
    *("interval_level", "eer", "min_hter", "average_precision", "average_precision_minority"),
)


@dataclass(frozen=True, eq=False)
class Evidence:
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
        """Calibrated probability of label 1, float64 `[N]`."""
        return np.asarray(expit(self.log_odds))

    @property
    def names(self) -> tuple[str, str]:
        """How the user spells label 0 and label 1."""
        zero, one = map(str, self.summary["label_names"])
        return zero, one

    @property
    def chosen(self) -> dict[int, int]:
        """For each fold the chosen epoch, from 0."""
        return {row["fold"]: row["epoch"] for row in self.summary["per_fold"]}


def read_evidence(run: Path) -> Evidence:
    """Read a finished run directory.

    Raises:
        UserError: it is none, or a file of it is missing or damaged.
    """
    if not (run / "summary.json").exists():
        raise UserError(
            f"run={run}: expected the directory of a finished run, which holds summary.json"
        )
    return _read(run)


def by_image(evidence: Evidence) -> Evidence:
    """Return the same with each image once.

    Over repeated folds log-odds and margins are means, and the rest is that of the first repeat.
    """
    _, first, image = np.unique(evidence.files, return_index=True, return_inverse=True)
    rows = np.sort(first)
    times = np.bincount(image)

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return (np.bincount(image, weights=values) / times)[image[rows]]

    return replace(
        evidence,
        files=evidence.files[rows],
        labels=evidence.labels[rows],
        fold_of=evidence.fold_of[rows],
        scores=evidence.scores[rows],
        decisions=evidence.decisions[rows],
        log_odds=mean(evidence.log_odds),
        margins=mean(evidence.margins),
    )


def _read(run: Path) -> Evidence:
    summary, oof = read_summary(run, NEEDED), read_oof(run)
    splits = read_split_table(run)
    for row in summary["per_fold"]:
        if f"fold_{row['fold']}" not in splits:
            raise UserError(f"{run / SPLITS}: has no fold {row['fold']}, summary.json has it")
    known = dict(zip(oof["file"], oof["label"], strict=True))
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
    return Evidence(
        run=run,
        summary=summary,
        config=config,
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
