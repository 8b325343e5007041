"""What several experiments at once do to one MLflow store: lost writes, and how long a write takes.

    python scripts/benchmark_tracking.py [--writers 8] [--seconds 60] [--directory FOLDER]

Every writer is a process of its own that records epochs as fast as it can, which no training does:
a bound for the worst. Afterwards the store is read, and every write that a writer was told to be
done has to be there with its values.
"""

import argparse
import importlib
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imbclf.tracking.mlflow_store import embedded_uri, without_foreign_warnings
from imbclf.tracking.mlflow_tracker import MLflowTracker

# isort: split
# After the store, which sets what MLflow reads when it is imported.
from mlflow import MlflowClient

EXPERIMENT = "crowd"
METRICS = ("train/loss", "dev/loss", "dev/hter", "dev/auroc")


@dataclass(frozen=True)
class Written:
    """What one writer says of itself."""

    run_id: str
    seconds: list[float]  # of each write, in order; write number e is epoch e
    gave_up: bool


def value(epoch: int, metric: int) -> float:
    """Return the value that is written, so that reading can tell whether it is the right one.

    >>> value(3, 2)
    3.25
    """
    return epoch + metric / 8


def write(
    directory: Path, seconds: float, name: str, everybody: Barrier, told: "Queue[Written]"
) -> None:
    """Record epochs in one fold's run for a while; say how long each took."""
    tracker = MLflowTracker(None, EXPERIMENT, directory)
    everybody.wait()
    tracker.start(name, {"writer": name})
    tracker.start_fold(0)
    run_id = tracker._open_runs[-1]
    lasted: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end and not tracker.lost:
        epoch = len(lasted)
        began = time.perf_counter()
        tracker.log_epoch(epoch, {key: value(epoch, at) for at, key in enumerate(METRICS)})
        if not tracker.lost:
            lasted.append(time.perf_counter() - began)
    tracker.end("FINISHED")
    told.put(Written(run_id, lasted, tracker.lost))


def crowd(directory: Path, writers: int, seconds: float) -> list[Written]:
    """Let so many processes, started at once, write into a new store."""
    # Forked, or each writer spends seconds on importing MLflow; this too is what it imports late.
    with without_foreign_warnings():
        importlib.import_module("mlflow.store.tracking.sqlalchemy_store")
    fork = multiprocessing.get_context("fork")
    everybody, told = fork.Barrier(writers), fork.Queue()
    processes = [
        fork.Process(target=write, args=(directory, seconds, str(number), everybody, told))
        for number in range(writers)
    ]
    for process in processes:
        process.start()
    answers = [told.get() for _ in processes]
    for process in processes:
        process.join()
    return answers


def lost(directory: Path, answers: Sequence[Written]) -> int:
    """Count the values that a writer was told to be written and that are not in the store."""
    client = MlflowClient(embedded_uri(directory))
    missing = 0
    for answer in answers:
        for at, key in enumerate(METRICS):
            history = client.get_metric_history(answer.run_id, key)
            found = {(point.step, point.value) for point in history}
            wanted = {(epoch, value(epoch, at)) for epoch in range(len(answer.seconds))}
            missing += len(wanted - found)
    return missing


def report(answers: Sequence[Written], missing: int) -> str:
    """Return the table."""
    each: NDArray[np.float64] = 1000 * np.concatenate([answer.seconds for answer in answers])
    p50, p99, longest = np.quantile(each, [0.5, 0.99, 1])
    done = [len(answer.seconds) for answer in answers]
    return "\n".join(
        [
            f"writers      {len(answers)} on {os.cpu_count()} cores",
            f"writes       {len(each)} of {len(METRICS)} values ({min(done)} to {max(done)} each)",
            f"lost values  {missing}",
            f"gave up      {sum(answer.gave_up for answer in answers)} writers",
            f"a write      p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {longest:.1f} ms",
        ]
    )


def main() -> None:
    """Run the benchmark; exit with 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--directory", type=Path, help="a new folder for the store")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = options.directory or Path(temporary)
        answers = crowd(directory, options.writers, options.seconds)
        missing = lost(directory, answers)
    print(report(answers, missing))
    sys.exit(missing > 0 or any(answer.gave_up for answer in answers))


if __name__ == "__main__":
    main()
