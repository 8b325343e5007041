"""Where a run comes from: its images, the command, the commit of the user's repository."""

import getpass
import hashlib
import json
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imbclf.tracking.base import Tracker


@dataclass(frozen=True)
class DataSet:
    """The images of a run, as trackers record them.

    Attributes:
        folder: where they are.
        digest: of their names and labels.
        counts: number of images by label name, label 0 first.
    """

    folder: Path
    digest: str
    counts: Mapping[str, int]

    @property
    def name(self) -> str:
        """Return the name of the folder."""
        return data_name(self.folder)

    @property
    def profile(self) -> str:
        """Return the counts as JSON."""
        return json.dumps({"images": sum(self.counts.values()), "by label": dict(self.counts)})


def data_name(folder: str | Path) -> str:
    """Return what a data set is called: the name of its folder.

    >>> data_name("photos/faces/"), data_name("/")
    ('faces', 'images')
    """
    return Path(folder).resolve().name or "images"


def describe_data(
    folder: str | Path,
    files: NDArray[np.str_],
    labels: NDArray[np.int64],
    label_names: tuple[str, str],
) -> DataSet:
    """Return the images of a run as trackers record them.

    Args:
        folder: where they are.
        files: names `[N]`; their order does not matter.
        labels: `[N]`.
        label_names: how the user spells them.
    """
    rows = sorted(f"{file}\t{label}" for file, label in zip(files, labels.tolist(), strict=True))
    digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]
    counts = {str(name): int(np.sum(labels == label)) for label, name in enumerate(label_names)}
    return DataSet(Path(folder).resolve(), digest, counts)


def log_data(tracker: Tracker, data: DataSet) -> None:
    """Record the images of the experiment's run, where a tracker does so.

    Trackers of one's own that were written for version 0.1 have no such method.
    """
    record = getattr(tracker, "log_data", None)
    if record is not None:
        record(data)


def source_tags(command: str | None) -> dict[str, str]:
    """Return MLflow's tags of the user, the command and the commit that is checked out here.

    Args:
        command: as typed; None if unknown.

    >>> source_tags("imbclf-train loss=focal")["mlflow.source.name"]
    'imbclf-train'
    """
    tags = {"mlflow.user": _user(), "mlflow.source.type": "LOCAL"}
    tags["mlflow.source.name"] = shlex.split(command)[0] if command else "imbclf"
    commit = _git_commit()
    return tags | ({} if commit is None else {"mlflow.source.git.commit": commit})


def _user() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # no name, as in a container, or no way to ask for it
        return "unknown"


def _git_commit() -> str | None:
    """Return the commit of the repository around the working directory, None if there is none."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # wherever git is
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
