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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imbclf.data.splits import Fold
from imbclf.errors import UserError
from imbclf.utils.safe_reading import read_json, readable
from imbclf.utils.schema import (
    Check,
    count,
    field,
    list_of,
    mapping,
    mapping_of,
    number,
    one_of,
    optional,
    text,
)
from imbclf.utils.tables import check_columns, read_table, write_table

SUMMARY, OOF, SPLITS = "summary.json", "oof.csv", "splits.csv"
JOB, TRACKING_RUN = "job.json", "tracking_run"
STUDENT_RESULT = "distill.json"  # of a student's folder, which may lie in its run
PARTS = ("fit", "dev", "test")
UNUSED = "none"  # of images that cv.fit_share leaves out of a fold


def _fold_row(value: object) -> Mapping[str, Any]:
    row = mapping(value)
    field(row, "fold", count)
    field(row, "chosen_epoch" if "chosen_epoch" in row else "epoch", count)
    field(row, "threshold", number)
    mapping_of(optional(number))(row)
    return row


def _given_test(value: object) -> Mapping[str, Any]:
    stored = mapping(value)
    for name in ("hter", "far", "frr", "auroc"):
        field(stored, name, number)
    field(stored, "hter_interval", list_of(number, length=2))
    for name in ("images", "models"):
        field(stored, name, count)
    field(stored, "class_counts", list_of(count, length=2))
    if "looks" in stored:
        field(stored, "looks", count)
    if "shared_with_training" in stored:
        field(stored, "shared_with_training", mapping_of(count))
    return stored


def _account(value: object) -> Mapping[str, Any]:
    """Check what was read of a data set."""
    stored = mapping(value)
    field(stored, "images", count)
    field(stored, "source", text)
    field(stored, "columns", mapping_of(text))
    for name in ("unused_columns", "notes"):
        field(stored, name, list_of(text))
    for row in field(stored, "left_out", list_of(mapping)):
        for name in ("reason", "suffix", "class"):
            field(row, name, text)
        field(row, "count", count)
        field(row, "first", list_of(text))
    return stored


def _epochs(value: object) -> Mapping[str, Any]:
    """Check how many epochs of a fold were asked for and planned, and the time limit in seconds."""
    stored = mapping(value)
    for name in ("asked", "planned"):
        field(stored, name, count)
    if "time_limit" in stored:
        field(stored, "time_limit", number)
    return stored


def _verdict(value: object) -> Mapping[str, Any]:
    stored = mapping(value)
    field(stored, "better", one_of(True, False))
    for name in ("sentence", "advice"):
        field(stored, name, text)
    if "still_improving" in stored:
        field(stored, "still_improving", one_of(True, False))
    return stored


def _shipped(value: object) -> Mapping[str, Any]:
    stored = mapping(value)
    field(stored, "how", one_of("test part", "repeats", "not measured"))
    for name in ("models", "of"):
        field(stored, name, count)
    field(stored, "hter", optional(number))
    field(stored, "hter_interval", optional(list_of(number, length=2)))
    return stored


def _detection(value: object) -> Mapping[str, Any]:
    stored = mapping(value)
    field(stored, "positive", one_of(0, 1))
    for name in ("sensitivity", "specificity", "balanced_accuracy"):
        field(stored, name, number)
        field(stored, f"{name}_interval", list_of(number, length=2))
    for name in ("ppv", "npv"):
        field(stored, name, optional(number))
    field(stored, "prevalence", number)
    later: dict[str, Check[Any]] = {
        "share": number,
        **dict.fromkeys(("precision", "recall", "f1"), optional(number)),
    }
    for name in ("ppv", "npv", *later):
        later[f"{name}_interval"] = list_of(optional(number), length=2)
    for name, check in later.items():
        if name in stored:
            field(stored, name, check)
    return stored


def _subgroups(value: object) -> Mapping[str, Any]:
    """Check the errors by the values of one column."""
    stored = mapping(value)
    field(stored, "column", text)
    field(stored, "cut_at_quartiles", one_of(True, False))
    field(stored, "p", number)
    for row in field(stored, "values", list_of(mapping)):
        field(row, "value", text)
        field(row, "class_counts", list_of(count, length=2))
        for name in ("hter", "far", "frr"):
            field(row, name, optional(number))
            interval = field(row, f"{name}_interval", list_of(optional(number), length=2))
            if (row[name] is None) != (None in interval):
                raise ValueError(f"{name}: expected a rate with its interval, or neither")
    return stored


# Checks of summary.json; summaries of earlier versions lack some of the optional values.
RANKED = ("auroc", "average_precision", "average_precision_minority")
NEEDED: dict[str, Check[Any]] = {
    **dict.fromkeys(("hter", "far", "frr", "auroc", "seconds"), number),
    "hter_interval": list_of(number, length=2),
}
OPTIONAL: dict[str, Check[Any]] = {
    "interval_level": number,
    **dict.fromkeys(("images", "folds", "repeats"), count),
    **dict.fromkeys(("eer", "min_hter", *RANKED[1:]), optional(number)),
    **dict.fromkeys(
        [f"{name}_interval" for name in ("far", "frr", *RANKED)],
        list_of(optional(number), length=2),
    ),
    "pooled": mapping_of(optional(number)),
    "cross_fitted": mapping,
    "shipped": _shipped,
    "warnings": list_of(text),
    "epochs": _epochs,
    "verdict": _verdict,
    "detection": _detection,
    "class_counts": list_of(count, length=2),
    "minority_label": one_of(0, 1),
    "label_names": list_of(text, length=2),
    "versions": mapping_of(text),
    "per_fold": list_of(_fold_row),
    "parts": mapping_of(list_of(count, length=2)),
    "test": _given_test,
    "subgroups": list_of(_subgroups),
    "data": _account,
}


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
