"""An embedded MLflow store that was moved or copied: its files are those beside its database.

MLflow records absolute addresses of files. Without a repair a copied project would read and write
the files of the original, and a moved one those of a folder that is gone.
"""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

log = logging.getLogger("imbclf")
ARTIFACTS = "artifacts"
RECORDED = (
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
    ("experiments", "artifact_location"),
)


def follow_move(directory: Path) -> None:
    """Rewrite the addresses of files of an embedded store that now lies in `directory`.

    A database that cannot be written or is damaged is left to MLflow, which will say so.
    """
    here = (directory / ARTIFACTS).as_uri()
    try:
        with closing(sqlite3.connect(directory / "mlflow.db", timeout=60)) as database:
            moved = [
                old for old in _former_folders(database, here) if _is_ours(database, old, here)
            ]
            for old in moved:
                _rewrite(database, old, here)
            database.commit()
    except sqlite3.Error:
        return
    for old in moved:
        log.info("tracking store has moved: its files are those in %s", directory / ARTIFACTS)
        log.info("                          no longer those in %s", _path(old))


def _columns(database: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return the columns of `RECORDED` that the database has: older versions have fewer."""
    return [
        (table, column)
        for table, column in RECORDED
        if column in {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
    ]


def _former_folders(database: sqlite3.Connection, here: str) -> list[str]:
    """Return the addresses that experiments were created with, if not `here`."""
    if ("experiments", "artifact_location") not in _columns(database):
        return []
    rows = database.execute("SELECT DISTINCT artifact_location FROM experiments")
    return [
        str(old)
        for (old,) in rows
        if str(old).startswith("file:") and str(old).endswith(f"/{ARTIFACTS}") and old != here
    ]


def _is_ours(database: sqlite3.Connection, old: str, here: str) -> bool:
    """Return whether the files of an address lie here now; somebody else's experiment stays.

    They do if a run's folder does, or if nothing is left where they were.
    """
    query = (
        "SELECT run_uuid FROM runs JOIN experiments USING (experiment_id) "
        "WHERE artifact_location = ?"
    )
    runs = [str(run) for (run,) in database.execute(query, (old,))]
    return any((_path(here) / run).is_dir() for run in runs) or not _path(old).is_dir()


def _rewrite(database: sqlite3.Connection, old: str, new: str) -> None:
    for table, column in _columns(database):
        database.execute(
            f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
            f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
            (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
        )


def _path(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path))
