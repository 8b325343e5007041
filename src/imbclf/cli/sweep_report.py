"""The end of a sweep: its failed jobs, and the comparison of its finished ones."""

import json
import os
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from imbclf.cli.app.json_result import report_error
from imbclf.cli.gather_jobs import FOLD, GATHERED, JOB
from imbclf.utils.files import write_text


def report_sweep(folder: Path) -> int:
    """List the failed jobs of a sweep, compare the finished ones; return the number of failures."""
    if not os.path.isdir(folder):  # noqa: PTH112  # False for a name too long
        return 0
    failed, finished, overrides = 0, 0, []
    for job in job_folders(folder):
        outcome = json.loads((job / JOB).read_text(encoding="utf-8"))
        overrides.append(outcome["overrides"])
        if outcome["error"] is not None:
            failed += 1
            title = outcome.get("title", f"job {outcome['job']} ({outcome['overrides']})")
            print(f"failed   {title}: {outcome['error']}")
        finished += (job / "summary.json").exists()
    if are_folds(overrides):
        print(f"\ngather   imbclf-gather {folder}   (one run of all folds)")
    elif finished > 1:
        from imbclf.evaluation.finished_run import find_runs
        from imbclf.reporting.comparison_report import write_comparison

        print("\n" + write_comparison(find_runs(folder), None, folder))
        print(f"comparison  {folder / 'comparison.html'}")
    return failed


def sweep_files(folder: Path) -> dict[str, Path]:
    """Return what a sweep has written, by the names of `--json`."""
    return {
        "sweep": folder,
        "comparison": folder / "comparison.html",
        "table": folder / "comparison.csv",
    }


def jobs_of(folder: Path) -> list[dict[str, Any]]:
    """Return number, overrides, error, run directory and summary of each job of a sweep."""
    jobs = []
    for run in job_folders(folder) if folder.is_dir() else ():
        summary = run / "summary.json"
        read = json.loads(summary.read_text(encoding="utf-8")) if summary.exists() else None
        outcome = json.loads((run / JOB).read_text(encoding="utf-8"))
        jobs.append({**outcome, "run": str(run), "summary": read})
    return jobs


def job_folders(folder: Path) -> list[Path]:
    """Return the folders of a sweep's jobs, at whatever depth `hydra.sweep.subdir` puts them."""
    from natsort import natsorted

    jobs = (path.parent for path in folder.rglob(JOB))
    return natsorted(
        (job for job in jobs if GATHERED not in job.relative_to(folder).parts), key=str
    )


def are_folds(overrides: Iterable[str]) -> bool:
    """Return whether jobs are to be gathered: each trained one fold, and some only differ in it.

    >>> are_folds(["cv.fold=0 seed=1", "cv.fold=1 seed=1"])
    True
    >>> are_folds(["cv.fold=0 seed=1", "cv.fold=0 seed=2"])
    False
    """
    folds: dict[tuple[str, ...], set[str]] = {}
    for job in overrides:
        words = job.split()
        fold = [word for word in words if word.startswith(FOLD)]
        if not fold or fold[-1] == f"{FOLD}null":
            return False
        others = tuple(word for word in words if word not in fold)
        folds.setdefault(others, set()).add(fold[-1])
    return any(len(trained) > 1 for trained in folds.values())


def report_launcher_failure(folder: Path, error: Exception) -> None:
    """Report why a sweep ended where none of its jobs failed."""
    details = folder / "error.txt"
    write_text(details, "".join(traceback.format_exception(error)))
    reason = str(error).strip() or repr(error)
    report_error(f"the sweep's launcher failed: {reason}")
    print(
        f"imbclf-train: error: the sweep's launcher failed: {reason}\nDetails are in {details}. "
        f"Run the missing jobs with resume={folder}",
        file=sys.stderr,
    )
