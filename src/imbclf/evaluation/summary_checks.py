"""What each value of `summary.json` has to be; later versions may write more."""

from collections.abc import Mapping
from typing import Any

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


def _training_chance(value: object) -> Mapping[str, Any]:
    stored = mapping(value)
    field(stored, "from", one_of("folds", "repeats"))
    field(stored, "count", count)
    field(stored, "deviation", number)
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


# Summaries of earlier versions lack some of the optional values.
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
    "training_chance": _training_chance,
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
