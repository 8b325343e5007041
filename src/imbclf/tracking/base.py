"""Where an experiment is recorded, and recording it nowhere.

Tracking never costs a training: what goes wrong at the start is said before any work is done, what
goes wrong later is said once and the training goes on without.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Status = Literal["FINISHED", "FAILED", "KILLED"]
Scalar = str | int | float | bool | None


class Tracker(Protocol):
    """Where an experiment's parameters, metrics, files and model are recorded."""

    def start(
        self, name: str, params: Mapping[str, Scalar], run_id: str | None = None
    ) -> str | None:
        """Begin the experiment's run, or go on with run `run_id`; returns its id."""

    def start_fold(self, fold: int) -> None:
        """Begin the run of one fold, nested under the experiment's."""

    def log_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Record one epoch of the current fold; non-finite values are left out."""

    def end_fold(self, metrics: Mapping[str, float]) -> None:
        """Record the final metrics of the current fold and end its run."""

    def log_result(self, metrics: Mapping[str, float], files: Sequence[Path]) -> None:
        """Record the experiment's final metrics and its files."""

    def log_model(self, predictor: Path, example: NDArray[np.uint8]) -> None:
        """Record the folder `predictor` as a model; `example` is a few images [N, H, W, 3]."""

    def end(self, status: Status) -> None:
        """End the experiment's run and that of a fold still open."""

    def child(self) -> "Tracker":
        """Return a tracker whose run is nested under this one's, which has been started."""


def log_epochs(tracker: Tracker, rows: Sequence[Mapping[str, float]]) -> None:
    """Record epochs of the current fold that were trained without the tracker.

    Args:
        tracker: whose run of the fold is open.
        rows: `epoch` and metrics of each.
    """
    for row in rows:
        metrics = {name: value for name, value in row.items() if name != "epoch"}
        tracker.log_epoch(int(row["epoch"]), metrics)


class NoTracker:
    """A `Tracker` that records nothing."""

    def start(self, name: str, params: Mapping[str, Scalar], run_id: str | None = None) -> None:
        """Do nothing."""

    def start_fold(self, fold: int) -> None:
        """Do nothing."""

    def log_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Do nothing."""

    def end_fold(self, metrics: Mapping[str, float]) -> None:
        """Do nothing."""

    def log_result(self, metrics: Mapping[str, float], files: Sequence[Path]) -> None:
        """Do nothing."""

    def log_model(self, predictor: Path, example: NDArray[np.uint8]) -> None:
        """Do nothing."""

    def end(self, status: Status) -> None:
        """Do nothing."""

    def child(self) -> "NoTracker":
        """Return itself."""
        return self
