"""The tables of a finished run that a report shows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from imbclf.evaluation.fold_files import Epochs, chosen_epoch, trained_epoch
from imbclf.metrics.expected_performance import DevAndTest


@dataclass(frozen=True, eq=False)
class RunData:
    """A run's tables.

    Attributes:
        run: the run directory.
        summary: `summary.json`.
        config: the text of `config.yaml`.
        options: the same, as far as it is a mapping of sections.
        files, labels, fold_of, scores, decisions: the columns of `oof.csv`, `[N]`.
        log_odds: float64 `[N]`, calibrated log-odds of label 1: the calibration (Platt's) is
            fitted on the fold's dev scores and applied to its test scores.
        margins: float64 `[N]`, log-odds minus those at the fold's threshold; 1 is decided where
            >= 0, and unlike `scores` they are on one scale for all folds.
        folds: dev and test logits of each fold.
        parts: for each fold the images `[label, part]`, of fit, dev and test; None where labels
            are not known because not all folds were trained.
        epochs: for each fold the metrics of its epochs.
        groups: which images depend on each other, `[N]`; None where that is not known.
    """

    run: Path
    summary: dict[str, Any]
    config: str
    options: Mapping[str, Mapping[str, Any]]
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
    groups: NDArray[np.str_] | None = None

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
        return {row["fold"]: chosen_epoch(row) - 1 for row in self.summary["per_fold"]}

    @property
    def is_trained(self) -> bool:
        """Return whether epochs were trained: not so of a probe."""
        return any(trained_epoch(row) is not None for row in self.summary["per_fold"])


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
        groups=None if data.groups is None else data.groups[rows],
    )
