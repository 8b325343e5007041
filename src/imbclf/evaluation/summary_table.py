"""The table that a run ends with on the terminal."""

from collections.abc import Mapping
from typing import Any

from imbclf.evaluation.detection_rates import detection_table
from imbclf.evaluation.fold_files import trained_epoch
from imbclf.evaluation.shipped import shipped_text
from imbclf.evaluation.subgroups import subgroups_text
from imbclf.evaluation.training_chance import training_chance_text
from imbclf.utils.text import text_table


def table(summary: dict[str, Any]) -> str:
    """Return the short table that a run ends with: a row for each fold, and one for all of them.

    HTER, FAR and FRR of the last row are those of all decisions, EER and AUROC means over folds.
    """
    rates = ("hter", "far", "frr", "eer", "auroc")
    rows = [("fold", "epoch", *map(str.upper, rates), "seconds", "images/s")]
    for row in summary["per_fold"]:
        numbers = [f"{row[name]:.4f}" for name in rates]
        speed = f"{row['seconds']:.1f}", f"{row['images_per_second']:.0f}"
        rows.append((str(row["fold"]), str(trained_epoch(row) or "-"), *numbers, *speed))
    numbers = [f"{summary[name]:.4f}" for name in rates]
    rows.append(("all", "", *numbers, f"{summary['seconds']:.1f}"))
    zero, one = summary["class_counts"]
    names = summary["label_names"]
    lines = [
        text_table(rows, ">6 >6 >7 >7 >7 >7 >7 >8 >9"),
        "",
        f"HTER {_with_interval(summary, 'hter')}, over {zero} images of label {names[0]} and "
        f"{one} of label {names[1]}",
    ]
    if "training_chance" in summary:
        lines.append(training_chance_text(summary["training_chance"]))
    lines.append(f"AUROC {_with_interval(summary, 'auroc')}, mean over folds")
    if "detection" in summary:
        lines += ["", detection_table(summary["detection"], names), ""]
    if "cross_fitted" in summary:
        lines.append(
            f"With thresholds of dev and test, as in the predictor (cross-fitted): HTER "
            f"{_with_interval(summary['cross_fitted'], 'hter')}"
        )
    if "shipped" in summary:
        lines.append(shipped_text(summary["shipped"]))
    if "subgroups" in summary:
        lines += ["", subgroups_text(summary["subgroups"], names, summary["minority_label"]), ""]
    lines += [f"Warning: {sentence}" for sentence in summary.get("warnings", [])]
    if "verdict" in summary:
        lines += ["", f"{summary['verdict']['sentence']}."]
    return "\n".join(lines)


def _with_interval(numbers: Mapping[str, Any], name: str) -> str:
    low, high = numbers[f"{name}_interval"]
    return f"{numbers[name]:.4f}, 95 % interval {low:.4f} to {high:.4f}"
