"""Experiment tracking: the protocol of a tracker, and a tracker that records nothing.

Tracking never stops a training: errors at the start are reported before any work is done, a later
error is logged once and training continues without tracking.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Status = Literal["FINISHED", "FAILED", "KILLED"]
Scalar = str | int | float | bool | None


class Tracker(Protocol):
    """Records the parameters, metrics, files and model of an experiment."""

    def start(
        self, name: str, params: Mapping[str, Scalar], run_id: str | None = None
    ) -> str | None:
        """Start the experiment's run, or resume run `run_id`; return its id."""

    def start_fold(self, fold: int) -> None:
        """Start the run of one fold, nested under the experiment's."""

    def log_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Record one epoch of the current fold, counted from 1; non-finite values are skipped."""

    def end_fold(self, metrics: Mapping[str, float]) -> None:
        """Record the final metrics of the current fold and end its run."""

    def log_result(self, metrics: Mapping[str, float], files: Sequence[Path]) -> None:
        """Record the experiment's final metrics and its files."""

    def log_model(self, predictor: Path, example: NDArray[np.uint8]) -> None:
        """Record the folder `predictor` as a model; `example` is a few images [N, H, W, 3]."""

    def end(self, status: Status) -> None:
        """End the experiment's run and that of an open fold."""

    def child(self) -> "Tracker":
        """Return a tracker whose run is nested under this one's, which has to be started."""


def log_epochs(tracker: Tracker, rows: Sequence[Mapping[str, float]]) -> None:
    """Record epochs of the current fold that were trained without the tracker.

    Args:
        tracker: the tracker, with the fold's run open.
        rows: `epoch` and the metrics of each.
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
