"""Each fold alone: its rates, its learning curves, its images."""

from imbclf.evaluation.fold_files import trained_epoch
from imbclf.metrics.homogeneity import homogeneity_p
from imbclf.reporting.figures.learning_curves import draw_dev_hter, draw_losses
from imbclf.reporting.html_page import Cell, Page
from imbclf.reporting.run_report.report import Report
from imbclf.reporting.run_report.run_data import RunData

PARTS = ("fit", "dev", "test")
RATES = {
    "hter": "HTER",
    "far": "FAR",
    "frr": "FRR",
    "auroc": "AUROC",
    "average_precision": "AP",
    "eer": "EER (oracle)",
    "min_hter": "min-HTER (oracle)",
}


def add_folds(page: Page, report: Report) -> None:
    """Add the section."""
    data = report.data
    page.heading("Folds")
    _add_rates(page, data)
    if data.is_trained:
        _add_learning_curves(page, data)
    _add_class_counts(page, data)


def _add_learning_curves(page: Page, data: RunData) -> None:
    losses = (
        draw_losses(data.epochs, data.chosen),
        "Loss of each fold against the epoch",
        "Loss on fit and dev images; the chosen epochs are marked.",
    )
    dev_hter = (
        draw_dev_hter(data.epochs, data.chosen),
        "HTER on dev of each fold against the epoch",
        "HTER on dev at the threshold chosen on dev: too optimistic, but it shows the trend.",
    )
    page.figures([losses, dev_hter])


def _add_rates(page: Page, data: RunData) -> None:
    epoch = ["Chosen epoch"] if data.is_trained else []
    rows: list[list[Cell]] = [
        [
            row["fold"],
            row["test_images"],
            *([trained_epoch(row)] if data.is_trained else []),
            row["threshold"],
            *(row[key] for key in RATES),
            round(row["seconds"]),
        ]
        for row in data.summary["per_fold"]
    ]
    page.table(
        ["Fold", "Test images", *epoch, "Threshold", *RATES.values(), "Seconds"],
        rows,
        f"Each fold alone; AP is the average precision of {data.names[1]}. {_differences(data)}",
    )


def _differences(data: RunData) -> str:
    p = homogeneity_p(data.decisions, data.labels, data.fold_of, data.groups)
    test = f"(test of equal error rates in all folds: p {'< .001' if p < 0.001 else f'= {p:.3f}'})"
    if p < 0.05:
        return f"Folds differ by more than chance in the choice of images {test}."
    return f"Differences between folds are no more than chance explains {test}."


def _add_class_counts(page: Page, data: RunData) -> None:
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
