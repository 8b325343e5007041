"""The run directory: the files of one experiment, each with the functions that write and read it.

config.yaml     the composed configuration
command.json    the options as they were given, and when
splits.csv      file, fold_0 ... fold_K-1: the part (fit, dev, test) that each image played; none
                for those that cv.fit_share leaves out
images.csv      file, label, digest of the pixels (and group): a row per image of the folds
oof.csv         file, label, fold, score, decision (and group): a row per image and repeat
subgroups.csv   file, and the columns that errors are reported by (data.subgroups)
test.csv        file, label, score, decision (and group) of a test part that the user made
summary.json    the headline, its interval, per-fold rows, versions
fold_<k>/       best.ckpt, metrics.csv per epoch, scores.csv of dev and test, result.json
predictor/      what prediction needs and no more
plan.json       with trainer.time_limit: the number of epochs
tracking_run    the id of the run in the tracking store
looks/          a file for each different result on images that are kept for judging
job.json        the number and the overrides of a job of a sweep
*.png, *.svg    learning curves, ROC, precision-recall, DET
report.html     the report; suspects.csv, the labels that the models doubt

Every file is read by one function, which checks it and raises a `UserError` that names it.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imbclf.data.splits import Fold
from imbclf.errors import UserError
from imbclf.evaluation.summary_checks import NEEDED, OPTIONAL
from imbclf.utils.safe_reading import read_json, readable
from imbclf.utils.schema import field, text
from imbclf.utils.tables import check_columns, read_table, write_table

SUMMARY, OOF, SPLITS = "summary.json", "oof.csv", "splits.csv"
JOB, TRACKING_RUN = "job.json", "tracking_run"
STUDENT_RESULT = "distill.json"  # of a student's folder, which may lie in its run
PARTS = ("fit", "dev", "test")
UNUSED = "none"  # of images that cv.fit_share leaves out of a fold


def read_summary(run: Path, also: Sequence[str] = ()) -> dict[str, Any]:
    """Read `summary.json`.

    Args:
        run: the run directory.
        also: names of optional values that have to be there.

    Raises:
        UserError: it is missing or damaged.
    """
    path = run / SUMMARY
    with readable(path, "the summary of a finished run of imbclf-train"):
        summary = read_json(path)
        for name in (*NEEDED, *also):
            field(summary, name, lambda value: value)
        for name, check in (NEEDED | OPTIONAL).items():
            if name in summary:
                field(summary, name, check)
    return summary


def write_splits(run: Path, files: NDArray[np.str_], folds: Sequence[Fold]) -> None:
    """Write the part of each image in each fold.

    Raises:
        UserError: the run already has splits, and these differ.
    """
    path = run / SPLITS
    columns: dict[str, Any] = {"file": files}
    for place, fold in enumerate(folds):
        parts = np.full(len(files), UNUSED, dtype="<U4")
        parts[fold.fit], parts[fold.dev], parts[fold.test] = PARTS
        columns[f"fold_{place}"] = parts
    if path.exists():
        earlier = read_split_table(run)
        if not earlier.equals(pd.DataFrame(columns).astype(earlier.dtypes.iloc[0])):
            raise UserError(
                f"{path}: the images or their labels are no longer those of this run, and its "
                "finished folds do not fit them. Restore them, or train into another folder"
            )
        return
    write_table(path, columns)


def read_split_table(run: Path) -> pd.DataFrame:
    """Read `splits.csv`: `file`, and in `fold_0`, `fold_1`, ... the part (fit, dev, test).

    Raises:
        UserError: it is missing or damaged.
    """
    path = run / SPLITS
    with readable(path, "the splits of a run of imbclf-train"):
        table = pd.read_csv(path, keep_default_na=False, dtype=str)
        check_columns(table, ("file", "fold_0"))
        for name in table.columns.drop("file"):
            if not table[name].isin([*PARTS, UNUSED]).all():
                raise ValueError(f"{name}: expected {', '.join([*PARTS, UNUSED])}")
    return table


def read_splits(run: Path, fold: int) -> dict[str, str]:
    """Read the part (fit, dev, test) of each file in a fold.

    Raises:
        UserError: `splits.csv` is missing, damaged or has no such fold.
    """
    table, name = read_split_table(run), f"fold_{fold}"
    if name not in table:
        raise UserError(f"{run / SPLITS}: has no fold {fold}")
    return dict(zip(table["file"], table[name], strict=True))


def write_oof(
    run: Path,
    files: NDArray[np.str_],
    labels: NDArray[np.int64],
    fold_of: NDArray[np.int64],
    scores: NDArray[np.float64],
    groups: NDArray[np.str_] | None = None,
) -> None:
    """Write the out-of-fold table, `[M]` rows: images once for each repeat of the folds.

    `score` is the logit minus its fold's threshold, so that folds can be pooled and the decision
    is 1 where score >= 0.
    """
    columns: dict[str, Any] = {"file": files, "label": labels, "fold": fold_of, "score": scores}
    columns["decision"] = (scores >= 0).astype(np.int64)
    if groups is not None:
        columns["group"] = groups
    write_table(run / OOF, columns)


def read_oof(run: Path) -> pd.DataFrame:
    """Read the out-of-fold table.

    Raises:
        UserError: it is missing or damaged.
    """
    path = run / OOF
    with readable(path, "the out-of-fold scores of a finished run of imbclf-train"):
        table = read_table(path)
        check_columns(table, ("file", "label", "fold", "score", "decision"))
        for name in ("label", "decision"):
            if not table[name].isin([0, 1]).all():
                raise ValueError(f"{name}: expected 0 and 1")
        if table["fold"].dtype != np.int64:
            raise ValueError("fold: expected whole numbers")
        if not np.isfinite(table["score"]).all():
            raise ValueError("score: expected finite numbers")
    return table


def read_overrides(job: Path) -> list[str]:
    """Read the overrides of a job of a sweep from `job.json`; none where there is no such file.

    Raises:
        UserError: it is damaged.
    """
    path = job / JOB
    if not path.exists():
        return []
    with readable(path, "the overrides of a job of a sweep"):
        return field(read_json(path), "overrides", text).split()


def read_tracking_run(folder: Path) -> str | None:
    """Read the id of a run in the tracking store; None where it was not tracked.

    Raises:
        UserError: the file is damaged.
    """
    path = folder / TRACKING_RUN
    if not path.is_file():
        return None
    with readable(path, "the id of a run in the tracking store", "Delete it to track a new run"):
        run_id = path.read_text(encoding="utf-8").strip()
        if not re.fullmatch(r"[\w-]{1,256}", run_id):  # as MLflow has it
            raise ValueError("expected letters, digits, underscores and hyphens")
    return run_id
