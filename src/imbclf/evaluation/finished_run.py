"""Finished runs as they are compared: summary and out-of-fold table, by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from natsort import natsorted

from imbclf.errors import UserError
from imbclf.evaluation.fold_means import with_fold_means
from imbclf.evaluation.run_directory import JOB, SUMMARY, read_oof, read_overrides, read_summary
from imbclf.evaluation.training_images import read_training_images
from imbclf.prediction.manifest import MANIFEST, PREDICTOR, Manifest
from imbclf.utils.safe_reading import read_yaml, readable
from imbclf.utils.schema import mapping, optional


def refuse_unfinished(run: Path) -> None:
    """Refuse a folder that is no finished run, and say how to finish one that was interrupted.

    Raises:
        UserError: there is no summary in it.
    """
    if (run / SUMMARY).exists():
        return
    unfinished = (run / "config.yaml").exists()
    raise UserError(
        f"run={run}: expected a finished run directory of imbclf-train (with {SUMMARY})"
        + (f"; finish it: imbclf-train resume={run}" if unfinished else "")
    )


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """The results of a finished run.

    Attributes:
        name: its name in a table.
        summary: the contents of `summary.json`; AUROC, average precision and EER of earlier
            versions, whose folds were ranked together, are computed anew (`fold_means`).
        oof: the contents of `oof.csv`, by file; an image has a row for each repeat of the folds.
        config: the contents of `config.yaml`; empty where that is not known.
        folder: the run directory; None where there is none.
    """

    name: str
    summary: dict[str, Any]
    oof: pd.DataFrame
    config: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def data_dir(self) -> str | None:
        """Return the data folder of its configuration; None where that is not known."""
        named = (self.config.get("data") or {}).get("dir")
        return None if named is None else str(named)

    @cached_property
    def digests(self) -> pd.Series | None:
        """Return the digest of each image's pixels, by file; None in runs of version 0.1.

        Raises:
            UserError: `images.csv` is damaged.
        """
        images = None if self.folder is None else read_training_images(self.folder)
        return None if images is None else images.set_index("file")["digest"]

    @cached_property
    def decoding(self) -> tuple[object, ...] | None:
        """Return size, depth and fit that its images were decoded to; None where not known.

        Raises:
            UserError: the predictor is damaged.
        """
        if self.folder is None or not (self.folder / PREDICTOR / MANIFEST).exists():
            return None
        manifest = Manifest.load(self.folder / PREDICTOR)
        return manifest.image_size, manifest.pixel_options


def read_run(folder: Path, name: str | None = None) -> FinishedRun:
    """Read a finished run.

    Raises:
        UserError: a file is missing or damaged.
    """
    summary, oof = read_summary(folder), read_oof(folder)
    summary = with_fold_means(summary, oof)
    config = _config(folder)
    return FinishedRun(name or folder.name, summary, oof.set_index("file"), config, folder)


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.yaml"
    if not path.exists():
        return {}
    with readable(path, "the configuration of a finished run"):
        config = read_yaml(path)
        optional(mapping)(config.get("data"))
    return config


def find_runs(folder: Path) -> list[FinishedRun]:
    """Read a run directory, named by its path, or those of a sweep, named by their overrides.

    Raises:
        UserError: it is neither.
    """
    if (folder / SUMMARY).exists():
        return [read_run(folder, str(folder))]
    jobs = [path.parent for path in folder.glob(f"*/{SUMMARY}")]
    if not jobs and (folder / "multirun.yaml").exists():  # hydra.sweep.subdir may be nested
        jobs = [path.parent for path in folder.rglob(JOB) if path.with_name(SUMMARY).exists()]
    if not jobs:
        raise UserError(
            f"{folder}: expected a finished run directory or a sweep directory of imbclf-train"
        )
    names = _job_names(folder, jobs)
    return [read_run(job, names[job]) for job in natsorted(jobs, key=str)]


def _job_names(folder: Path, jobs: Sequence[Path]) -> dict[Path, str]:
    """Name the jobs of a sweep by their folder and the overrides that not all of them share."""
    overrides = {job: read_overrides(job) for job in jobs}
    shared = set.intersection(*map(set, overrides.values())) if jobs[1:] else set()
    return {
        job: " ".join(
            [job.relative_to(folder).as_posix(), *(word for word in words if word not in shared)]
        )
        for job, words in overrides.items()
    }
