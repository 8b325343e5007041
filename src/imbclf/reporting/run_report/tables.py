"""The tables of a report."""

from collections.abc import Mapping
from typing import Any

from imbclf.evaluation.fold_files import chosen_epoch
from imbclf.metrics.homogeneity import homogeneity_p
from imbclf.metrics.reliability import brier_score, calibration_error
from imbclf.reporting.html_page import Cell, Page
from imbclf.reporting.run_report.run_data import RunData

A_PRIORI = "thresholds chosen on dev, applied once to test"
CROSS_FITTED = "thresholds of dev and other test images, as in the predictor"
RANKING = "ranking of the test scores, mean over folds; no threshold"
ORACLE = "oracle: threshold of each fold chosen on the test images themselves"
PROBABILITY = "calibrated on dev, measured on test"
PARTS = ("fit", "dev", "test")


def add_measures(page: Page, data: RunData) -> None:
    """Add all numbers of the whole run, a-priori ones first."""
    summary = data.summary
    of_one = f"Average precision of {data.names[1]}"
    minority = f"Average precision of {data.names[summary['minority_label']]} (minority)"
    brier = brier_score(data.probabilities, data.labels)
    error = calibration_error(data.probabilities, data.labels)
    rows: list[list[Cell]] = [
        ["HTER", *_with_interval(summary, "hter"), A_PRIORI],
        ["FAR", *_with_interval(summary, "far"), A_PRIORI],
        ["FRR", *_with_interval(summary, "frr"), A_PRIORI],
        *_detection(data),
        *_cross_fitted(summary),
        ["AUROC", *_with_interval(summary, "auroc"), RANKING],
        [of_one, *_with_interval(summary, "average_precision"), RANKING],
        [minority, *_with_interval(summary, "average_precision_minority"), RANKING],
        ["Brier score", brier, None, None, PROBABILITY],
        ["Expected calibration error", error, None, None, PROBABILITY],
        ["EER", summary["eer"], None, None, f"mean over folds; {ORACLE}"],
        ["min-HTER", summary["min_hter"], None, None, ORACLE],
    ]
    level = f"{100 * summary['interval_level']:.0f} % interval"
    page.table(
        ["Measure", "Value", f"{level}, from", "to", "Kind of number"],
        rows,
        "The run in numbers. Average precision depends on the share of the label, and is too high "
        "on average where a fold tests only a few images of it.",
    )


def _detection(data: RunData) -> list[list[Cell]]:
    """Return sensitivity and the like of the rarer label; nothing for runs of before."""
    rates = data.summary.get("detection")
    if rates is None:
        return []
    name, share = data.names[rates["positive"]], f"at a share of {rates['prevalence']:.1%}"
    return [
        [f"Sensitivity for {name}", *_with_interval(rates, "sensitivity"), A_PRIORI],
        [f"Specificity for {name}", *_with_interval(rates, "specificity"), A_PRIORI],
        ["Balanced accuracy", *_with_interval(rates, "balanced_accuracy"), A_PRIORI],
        [f"PPV of {name}", rates["ppv"], None, None, f"{A_PRIORI}; {share}"],
        [f"NPV of {name}", rates["npv"], None, None, f"{A_PRIORI}; {share}"],
    ]


def _cross_fitted(summary: Mapping[str, Any]) -> list[list[Cell]]:
    fitted = summary.get("cross_fitted")
    if fitted is None:
        return []
    return [["HTER, cross-fitted", *_with_interval(fitted, "hter"), CROSS_FITTED]]


def _with_interval(summary: Mapping[str, Any], name: str) -> tuple[Cell, Cell, Cell]:
    low, high = summary.get(f"{name}_interval", (None, None))
    return summary[name], low, high


def add_given_test(page: Page, data: RunData) -> None:
    """Add the result on the test part that the user made beside the out-of-fold result."""
    test = data.summary["test"]
    (low, high), (test_low, test_high) = data.summary["hter_interval"], test["hter_interval"]
    rows: list[list[Cell]] = [
        ["HTER", data.summary["hter"], test["hter"]],
        ["HTER, lower end of the interval", low, test_low],
        ["HTER, upper end of the interval", high, test_high],
        *([name.upper(), data.summary[name], test[name]] for name in ("far", "frr", "auroc")),
        *(
            [f"Images labeled {name}", data.summary["class_counts"][label], count]
            for label, (name, count) in enumerate(
                zip(data.names, test["class_counts"], strict=True)
            )
        ),
    ]
    page.table(["Measure", "Out of fold", "Given test part"], rows, "Two results, never mixed.")


def add_confusion(page: Page, data: RunData) -> None:
    """Add the confusion matrix."""
    repeats = data.summary.get("repeats", 1)
    what = "images" if repeats == 1 else "decisions"
    rows: list[list[Cell]] = []
    for label, name in enumerate(data.names):
        own = data.decisions[data.labels == label]
        wrong = int((own != label).sum())
        right = len(own) - wrong
        counts = (right, wrong) if label == 0 else (wrong, right)
        rows.append([name, *counts, len(own), wrong / len(own) if len(own) else None])
    columns = ["Label", *(f"decided {name}" for name in data.names), what, "error rate"]
    times = "" if repeats == 1 else f", each of which was tested {repeats} times"
    caption = f"Decisions on test images{times}; the error rates are FAR and FRR."
    page.table(columns, rows, caption)


def add_folds(page: Page, data: RunData) -> None:
    """Add a row for each fold."""
    keys = ("hter", "far", "frr", "auroc", "average_precision", "eer", "min_hter")
    rows: list[list[Cell]] = [
        [
            row["fold"],
            row["test_images"],
            chosen_epoch(row),
            row["threshold"],
            *(row[key] for key in keys),
            row["seconds"],
        ]
        for row in data.summary["per_fold"]
    ]
    names = ("HTER", "FAR", "FRR", "AUROC", "AP", "EER (oracle)", "min-HTER (oracle)")
    page.table(
        ["Fold", "Test images", "Chosen epoch", "Threshold", *names, "Seconds"],
        rows,
        f"Each fold alone; AP is the average precision of {data.names[1]}. {_differences(data)}",
    )


def _differences(data: RunData) -> str:
    p = homogeneity_p(data.decisions, data.labels, data.fold_of, data.groups)
    test = f"(test of equal error rates in all folds: p {'< .001' if p < 0.001 else f'= {p:.3f}'})"
    if p < 0.05:
        return f"Folds differ by more than chance in the choice of images {test}."
    return f"Differences between folds are no more than chance explains {test}."


def add_class_counts(page: Page, data: RunData) -> None:
    """Add the images of each label in each part of each fold, as far as labels are known."""
    rows: list[list[Cell]] = [
        [fold, data.names[label], *counts[label].tolist()]
        for fold, counts in data.parts.items()
        if counts is not None
        for label in (0, 1)
    ]
    if not rows:
        page.paragraph("Not all folds were trained, so that the parts cannot be counted.", True)
        return
    page.table(
        ["Fold", "Label", *PARTS],
        rows,
        "Images of each fold to train on, to choose on and to test on.",
    )
