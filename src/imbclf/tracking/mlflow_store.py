"""An MLflow store: the user's server, or a SQLite file and a folder beside the runs."""

import os
import socket
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from textwrap import shorten
from typing import cast

from imbclf.errors import UserError
from imbclf.tracking.mlflow_settings import apply_settings
from imbclf.tracking.moved_store import ARTIFACTS, follow_move

# isort: split
# After the settings, which MLflow reads when it is imported.
import mlflow
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException


@contextmanager
def without_foreign_warnings() -> Iterator[None]:
    """Silence warnings that MLflow raises in its own code and in SQLAlchemy."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The ``noload`` loader strategy", DeprecationWarning)
        warnings.filterwarnings("ignore", ".*Any type hint is inferred as AnyType", UserWarning)
        warnings.filterwarnings("ignore", "Operation with range is deprecated")  # pandas
        yield


def embedded_uri(directory: Path) -> str:
    """Return the URI of the embedded store in `directory`.

    >>> embedded_uri(Path("/data/outputs"))
    'sqlite:////data/outputs/mlflow.db'
    """
    file = str(directory.resolve() / "mlflow.db")
    return "sqlite:///" + file.replace("%", "%25").replace("?", "%3F")


@without_foreign_warnings()
def open_store(uri: str | None, experiment: str, directory: Path) -> tuple[MlflowClient, str]:
    """Open a store, find or create the experiment, and end runs of dead processes of this machine.

    One process at a time: two that create the tables of a new SQLite file together break it.

    Returns:
        A client and the experiment's id.

    Raises:
        UserError: the experiment was deleted there.
    """
    apply_settings()  # again: a call from Python restores the environment at its end
    directory.mkdir(parents=True, exist_ok=True)
    with FileLock(directory / "mlflow.lock"):
        if uri is None:
            with closing(sqlite3.connect(directory / "mlflow.db")) as database:
                # Write-ahead log: readers and a writer do not block each other. It is kept.
                database.execute("PRAGMA journal_mode=WAL")
            follow_move(directory)
        client = MlflowClient(uri or embedded_uri(directory))
        artifacts = None if uri else (directory / ARTIFACTS).as_uri()
        experiment_id = find_or_create_experiment(client, experiment, artifacts)
        end_dead_runs(client, experiment_id)
    return client, experiment_id


def find_or_create_experiment(client: MlflowClient, name: str, artifacts: str | None) -> str:
    """Return the id of an experiment, created with files at `artifacts` if there is none.

    Raises:
        UserError: it was deleted, and its name cannot be used for another.
    """
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return client.create_experiment(name, artifacts)
        except MlflowException as error:
            # Another machine may have created it on the same server meanwhile.
            found = client.get_experiment_by_name(name)
            if found is None:
                raise error from None
    if found.lifecycle_stage != "active":
        raise UserError(
            f"tracking.experiment={name}: this experiment was deleted in the tracking store. "
            f"Restore it (mlflow experiments restore --experiment-id {found.experiment_id}) or "
            "set another name: tracking.experiment=..."
        )
    return str(found.experiment_id)


def end_dead_runs(client: MlflowClient, experiment_id: str) -> None:
    """Mark as KILLED the open runs of processes of this machine that are dead."""
    if process_start(os.getpid()) is None:
        return  # without /proc it is not known which processes are dead
    mine = f"attributes.status = 'RUNNING' AND tags.`imbclf.host` = '{socket.gethostname()}'"
    for run in client.search_runs([experiment_id], mine):
        tags = run.data.tags
        if process_start(int(tags["imbclf.pid"])) == tags["imbclf.process_start"]:
            continue
        # Read again now that the process is gone: it may have ended the run since the search.
        if client.get_run(run.info.run_id).info.status == "RUNNING":
            client.set_terminated(run.info.run_id, "KILLED")


def process_tags() -> dict[str, str]:
    """Return the tags that identify the process of a run."""
    return {
        "imbclf.host": socket.gethostname(),
        "imbclf.pid": str(os.getpid()),
        "imbclf.process_start": str(process_start(os.getpid())),
    }


def process_start(pid: int) -> str | None:
    """Return the start of a living process in clock ticks since boot, which identifies it.

    None for a dead process or a zombie, and on systems without /proc. A pid alone may be reused.

    >>> process_start(2**22 + 1) is None  # above any pid
    True
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # proc(5): pid, (name, which may hold anything), state, ..., start time as field 22
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else fields[18]


@contextmanager
def global_tracking_uri(uri: str) -> Iterator[None]:
    """Set MLflow's global tracking URI, for functions that read it, and restore it afterwards."""
    before = os.environ.get("MLFLOW_TRACKING_URI")  # MLflow mirrors the address there
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(cast("str", before))  # None is accepted: no address


def summary(error: Exception) -> str:
    """Return the message of an error in one line, or its type if it has none.

    >>> summary(OSError("disk full."))
    'disk full'
    """
    return shorten(str(error), 300).rstrip(". ") or type(error).__name__
