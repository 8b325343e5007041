"""The run directory: what one experiment leaves, written whole and read back.

config.yaml     the composed configuration
splits.csv      file, fold_0 ... fold_K-1: the part (fit, dev, test) that each image played
oof.csv         file, label, fold, score, decision (and group): a row per image and repeat
summary.json    the headline, its interval, per-fold rows, versions
fold_<k>/       best.ckpt, metrics.csv per epoch, scores.csv of dev and test, result.json
predictor/      what prediction needs and no more
*.png           learning curves, ROC, DET
report.html     all of it to look at; suspects.csv, the labels that are probably wrong
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imbclf.data.splits import Fold
from imbclf.errors import UserError
from imbclf.utils.safe_reading import UNREADABLE, read_json
from imbclf.utils.tables import is_number, read_table, write_json, write_table

Epochs = Sequence[Mapping[str, float]]


BEST, LAST = "best.ckpt", "last.ckpt"


METRICS = "metrics.csv"

RESULT, SCORES = "result.json", "scores.csv"
COUNTS = ("images", "folds", "repeats", "minority_label")
UNDEFINED = ("eer", "min_hter", "average_precision", "average_precision_minority")


@dataclass(frozen=True)
class FoldResult:
    """What training one fold came to.

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


def read_summary(run: Path) -> dict[str, Any]:
    """Read `summary.json`, whose numbers are numbers and whose words are words.

    Raises:
        OSError, ValueError, KeyError, TypeError: it is missing or damaged.
    """
    summary = read_json(run / "summary.json")
    counts = [summary.get(name, 1) for name in COUNTS] + list(summary.get("class_counts", []))
    rates = [summary[name] for name in ("hter", "far", "frr", "auroc", "seconds")]
    rates += [summary.get("interval_level", 0.95), *summary["hter_interval"]]
    rows = summary.get("per_fold", [])
    counts += [row[name] for row in rows for name in ("fold", "epoch")]
    maybe = [value for row in rows for value in row.values() if value is not None]
    maybe += [summary[name] for name in UNDEFINED if summary.get(name) is not None]
    words = [*summary.get("label_names", []), *summary.get("versions", {}).values()]
    if len(summary["hter_interval"]) != 2 or summary.get("minority_label", 0) not in (0, 1):
        raise ValueError("hter_interval or minority_label is not what it should be")
    if not all(type(count) is int and 0 <= count < 2**53 for count in counts):
        raise ValueError("a count is none")
    if not all(is_number(number) for number in (*rates, *maybe)):
        raise ValueError("a rate is no number")
    if not all(isinstance(word, str) for word in words):
        raise ValueError("a name or version is no text")
    return summary


def write_splits(run: Path, files: NDArray[np.str_], folds: Sequence[Fold]) -> None:
    """Write which part each image plays in each fold.

    Raises:
        UserError: other images, or others in other parts, were written down before.
    """
    path = run / "splits.csv"
    columns: dict[str, Any] = {"file": files}
    for number, fold in enumerate(folds):
        parts = np.empty(len(files), dtype="<U4")
        parts[fold.fit], parts[fold.dev], parts[fold.test] = "fit", "dev", "test"
        columns[f"fold_{number}"] = parts
    if path.exists():
        earlier = pd.read_csv(path, keep_default_na=False, dtype=str)
        if not earlier.equals(pd.DataFrame(columns).astype(earlier.dtypes.iloc[0])):
            raise UserError(
                f"{path}: the images are no longer those that this run divided, or their labels "
                "have changed; its finished folds do not go with them. Restore the images, or "
                "train anew into another folder"
            )
        return
    write_table(path, columns)


def read_splits(run: Path, fold: int) -> dict[str, str]:
    """Read which part (fit, dev, test) each file plays in a fold.

    Raises:
        UserError: `splits.csv` is missing or knows no such fold.
    """
    path = run / "splits.csv"
    try:
        table = pd.read_csv(path, keep_default_na=False, dtype=str)
        return dict(zip(table["file"], table[f"fold_{fold}"], strict=True))
    except UNREADABLE as error:
        raise UserError(f"{path}: not a readable table of splits ({error!r})") from error


def write_fold(
    run: Path, result: FoldResult, fold: Fold, files: NDArray[np.str_], labels: NDArray[np.int64]
) -> None:
    """Write a finished fold; `result.json` comes last and says that it is finished."""
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
    numbers = ("fold", "epoch", "threshold", "seconds", "images_per_second")
    write_json(folder / RESULT, {name: getattr(result, name) for name in numbers})


def read_fold(run: Path, fold: int) -> FoldResult | None:
    """Read a finished fold, None where it is not finished.

    Raises:
        UserError: a file of it is damaged.
    """
    folder = fold_folder(run, fold)
    if not (folder / RESULT).exists():
        return None
    try:
        numbers = read_json(folder / RESULT)
        if not all(is_number(value) for value in numbers.values()):
            raise ValueError(f"{RESULT} holds something else than numbers")
        table = read_table(folder / SCORES)
        logits = table["logit"].to_numpy(np.float64)
        dev = (table["part"] == "dev").to_numpy()
        return FoldResult(**numbers, dev_logits=logits[dev], test_logits=logits[~dev])
    except UNREADABLE as error:
        raise UserError(
            f"{folder}: not a readable fold ({error!r}). Remove it, and the fold is trained again"
        ) from error


def fold_thresholds(run: Path) -> dict[int, float]:
    """Return the threshold of each finished fold, chosen on its dev part, by the fold's number.

    Raises:
        UserError: a fold is damaged.
    """
    numbers = sorted(int(path.name.partition("_")[2]) for path in run.glob("fold_*[0-9]"))
    results = [read_fold(run, number) for number in numbers]
    return {result.fold: result.threshold for result in results if result is not None}


def check_labels(
    run: Path, result: FoldResult, fold: Fold, files: NDArray[np.str_], labels: NDArray[np.int64]
) -> None:
    """Make sure that a finished fold was judged by the labels that there are now.

    Raises:
        UserError: some have changed since.
    """
    path = fold_folder(run, result.fold) / SCORES
    table, rows = read_table(path), np.concatenate([fold.dev, fold.test])
    changed = files[rows[table["label"].to_numpy() != labels[rows]]]
    if len(changed):
        raise UserError(
            f"{path}: the labels of {len(changed):,} images have changed since this fold was "
            f"trained, first that of {changed[0]}. Restore them, or train anew into another folder"
        )


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
    write_table(run / "oof.csv", columns)


def read_oof(run: Path) -> pd.DataFrame:
    """Read the out-of-fold table.

    Raises:
        OSError, ValueError, KeyError: it is missing or damaged.
    """
    table = read_table(run / "oof.csv")
    for name in ("label", "decision"):
        if not table[name].isin([0, 1]).all():
            raise ValueError(f"oof.csv: {name} is other than 0 and 1")
    if table["fold"].dtype != np.int64 or not np.isfinite(table["score"]).all():
        raise ValueError("oof.csv: fold or score is no number")
    return table


def read_epochs(path: Path) -> list[dict[str, float]]:
    """Read what `EpochRecord` wrote: an epoch's number and metrics a row.

    Raises:
        UserError: it is damaged.
    """
    try:
        table = pd.read_csv(path)
        rows = table.astype(np.float64).astype({"epoch": np.int64}).to_dict("records")
    except UNREADABLE as error:
        raise UserError(f"{path}: not a readable table of epochs ({error!r})") from error
    return [{str(name): value for name, value in row.items()} for row in rows]
