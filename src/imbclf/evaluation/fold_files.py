"""The files of one fold in a run directory, each with the functions that write and read it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imbclf.data.splits import Fold
from imbclf.errors import UserError
from imbclf.evaluation.run_directory import PARTS
from imbclf.utils.safe_reading import read_json, readable
from imbclf.utils.schema import count, field, number, one_of
from imbclf.utils.tables import check_columns, read_table, write_json, write_table

Epochs = Sequence[Mapping[str, float]]
BEST, LAST, METRICS = "best.ckpt", "last.ckpt", "metrics.csv"  # of a fold
RESULT, SCORES = "result.json", "scores.csv"  # of a fold


@dataclass(frozen=True)
class FoldResult:
    """The result of training one fold.

    Attributes:
        fold: its number, from 0.
        epoch: the chosen epoch, from 0.
        threshold: chosen on dev: decide 1 where logit >= threshold.
        seconds: of training this fold, those before an interruption included.
        images_per_second: images trained on a second, dev scoring included in the time.
        dev_logits, test_logits: float64, in the order of the fold's dev and test rows.
    """

    fold: int
    epoch: int
    threshold: float
    seconds: float
    images_per_second: float
    dev_logits: NDArray[np.float64]
    test_logits: NDArray[np.float64]


def fold_folder(run: Path, fold: int) -> Path:
    """Return a fold's folder in a run directory."""
    return run / f"fold_{fold}"


def write_fold(
    run: Path, result: FoldResult, fold: Fold, files: NDArray[np.str_], labels: NDArray[np.int64]
) -> None:
    """Write a finished fold; `result.json` comes last and marks it as finished."""
    folder = fold_folder(run, result.fold)
    rows = np.concatenate([fold.dev, fold.test])
    write_table(
        folder / SCORES,
        {
            "file": files[rows],
            "label": labels[rows],
            "part": np.repeat(["dev", "test"], [len(fold.dev), len(fold.test)]),
            "logit": np.concatenate([result.dev_logits, result.test_logits]),
        },
    )
    numbers = ("fold", "threshold", "seconds", "images_per_second")
    stored = {name: getattr(result, name) for name in numbers}
    write_json(folder / RESULT, {**stored, "chosen_epoch": result.epoch + 1})


def read_fold(run: Path, fold: int) -> FoldResult | None:
    """Read a finished fold; None where it is not finished.

    Raises:
        UserError: a file of it is damaged.
    """
    path = fold_folder(run, fold) / RESULT
    if not path.exists():
        return None
    with readable(path, "the result of a fold", _retrain(path)):
        stored = read_json(path)
        numbers = {
            "fold": field(stored, "fold", one_of(fold)),
            "epoch": chosen_epoch(stored) - 1,
            "threshold": field(stored, "threshold", number),
            "seconds": field(stored, "seconds", number),
            "images_per_second": field(stored, "images_per_second", number),
        }
    table = read_scores(run, fold)
    logits = table["logit"].to_numpy(np.float64)
    dev = (table["part"] == "dev").to_numpy()
    return FoldResult(**numbers, dev_logits=logits[dev], test_logits=logits[~dev])


def chosen_epoch(row: Mapping[str, Any]) -> int:
    """Return the chosen epoch of a fold, from 1; version 0.1 stored `epoch`, from 0.

    Raises:
        ValueError: it is no count.

    >>> chosen_epoch({"chosen_epoch": 3}), chosen_epoch({"epoch": 2})
    (3, 3)
    """
    if "chosen_epoch" in row:
        return field(row, "chosen_epoch", count)
    return field(row, "epoch", count) + 1


def trained_epoch(row: Mapping[str, Any]) -> int | None:
    """Return the chosen epoch of a fold, from 1; None where nothing was trained.

    >>> trained_epoch({"chosen_epoch": 3}), trained_epoch({"chosen_epoch": 1, "trained_epochs": 0})
    (3, None)
    """
    return None if row.get("trained_epochs") == 0 else chosen_epoch(row)


def read_scores(run: Path, fold: int) -> pd.DataFrame:
    """Read a fold's `scores.csv`: file, label, part (dev, test) and logit, the dev part first.

    Raises:
        UserError: it is missing or damaged.
    """
    path = fold_folder(run, fold) / SCORES
    with readable(path, "the scores of a fold", _retrain(path)):
        table = read_table(path)
        check_columns(table, ("file", "label", "part", "logit"))
        if not table["label"].isin([0, 1]).all() or not table["part"].isin(PARTS[1:]).all():
            raise ValueError("expected labels 0 and 1, and parts dev and test")
        if table["label"][table["part"] == "dev"].nunique() < 2:
            raise ValueError("part dev: expected images of both labels")
        if not np.isfinite(table["logit"]).all():
            raise ValueError("logit: expected finite numbers")
        return table.astype({"label": np.int64})


def fold_thresholds(run: Path) -> dict[int, float]:
    """Return the threshold of each finished fold, chosen on its dev part, by the fold's number.

    Raises:
        UserError: a fold is damaged.
    """
    numbers = sorted(int(path.name.partition("_")[2]) for path in run.glob("fold_*[0-9]"))
    results = [read_fold(run, fold) for fold in numbers]
    return {result.fold: result.threshold for result in results if result is not None}


def check_labels(
    run: Path, result: FoldResult, fold: Fold, files: NDArray[np.str_], labels: NDArray[np.int64]
) -> None:
    """Make sure that the labels are those that a finished fold was trained with.

    Raises:
        UserError: some have changed since.
    """
    path = fold_folder(run, result.fold) / SCORES
    table, rows = read_scores(run, result.fold), np.concatenate([fold.dev, fold.test])
    if len(table) != len(rows):
        raise UserError(f"{path}: {len(table)} rows, expected {len(rows)}. {_retrain(path)}")
    changed = files[rows[table["label"].to_numpy() != labels[rows]]]
    if len(changed):
        raise UserError(
            f"{path}: the labels of {len(changed):,} images have changed since this fold was "
            f"trained, first that of {changed[0]}. Restore them, or train into another folder"
        )


def read_epochs(path: Path) -> list[dict[str, float]]:
    """Read the metrics that `EpochRecord` wrote: for each epoch its number, from 1, and metrics.

    Version 0.1 counted epochs from 0.

    Raises:
        UserError: it is damaged.
    """
    with readable(path, "the metrics of each epoch of a fold", _retrain(path)):
        table = pd.read_csv(path)
        table = table.astype(np.float64).astype({"epoch": np.int64})
        if len(table) and table["epoch"].iloc[0] == 0:
            table["epoch"] += 1
        rows = table.to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _retrain(path: Path) -> str:
    return f"Move {path.parent} elsewhere and resume the run to train this fold again"
