"""The tables of a report."""

from imbclf.metrics.reliability import brier_score, calibration_error
from imbclf.reporting.html_page import Cell, Page
from imbclf.reporting.run_report.run_data import RunData

ORACLE = "oracle: threshold chosen on the test images themselves"
RANKING = "ranking of the test scores; no threshold"
PROBABILITY = "calibrated on dev, measured on test"
PARTS = ("fit", "dev", "test")


def add_measures(page: Page, data: RunData) -> None:
    """Add all numbers of the whole run, a-priori ones first."""
    summary = data.summary
    low, high = summary["hter_interval"]
    a_priori = "thresholds chosen on dev, applied once to test"
    rows: list[list[Cell]] = [
        ["HTER", summary["hter"], a_priori],
        ["HTER, lower end of the interval", low, a_priori],
        ["HTER, upper end of the interval", high, a_priori],
        ["FAR", summary["far"], a_priori],
        ["FRR", summary["frr"], a_priori],
        ["AUROC", summary["auroc"], RANKING],
        [f"Average precision of {data.names[1]}", summary["average_precision"], RANKING],
        [
            f"Average precision of {data.names[summary['minority_label']]} (minority)",
            summary["average_precision_minority"],
            RANKING,
        ],
        ["Brier score", brier_score(data.probabilities, data.labels), PROBABILITY],
        [
            "Expected calibration error",
            calibration_error(data.probabilities, data.labels),
            PROBABILITY,
        ],
        ["EER", summary["eer"], ORACLE],
        ["min-HTER", summary["min_hter"], ORACLE],
    ]
    page.table(["Measure", "Value", "Kind of number"], rows, "The run in numbers.")


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
    rows: list[list[Cell]] = []
    for label, name in enumerate(data.names):
        own = data.decisions[data.labels == label]
        wrong = int((own != label).sum())
        right = len(own) - wrong
        counts = (right, wrong) if label == 0 else (wrong, right)
        rows.append([name, *counts, len(own), wrong / len(own) if len(own) else None])
    columns = ["Label", *(f"decided {name}" for name in data.names), "images", "error rate"]
    page.table(columns, rows, "Decisions on test images; the error rates are FAR and FRR.")


def add_folds(page: Page, data: RunData) -> None:
    """Add a row for each fold."""
    keys = ("hter", "far", "frr", "auroc", "average_precision", "eer", "min_hter")
    rows: list[list[Cell]] = [
        [
            row["fold"],
            row["test_images"],
            row["epoch"] + 1,
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
        f"Each fold alone; AP is the average precision of {data.names[1]}. Differences between "
        "folds are mostly chance: look at the number of test images.",
    )


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
