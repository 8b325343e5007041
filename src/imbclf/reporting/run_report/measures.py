"""All numbers of the whole run, by the kind of number that they are."""

from collections.abc import Mapping
from typing import Any

from imbclf.metrics.reliability import brier_score, calibration_error
from imbclf.reporting.html_page import Cell, Page
from imbclf.reporting.run_report.report import Report

A_PRIORI = "a priori"
CROSS_FITTED = "cross-fitted"
RANKING = "ranking"
PROBABILITY = "probability"
ORACLE = "oracle"


def add_measures(page: Page, report: Report) -> None:
    """Add the section."""
    page.heading("All numbers")
    summary = report.summary
    repeats = "" if report.repeats == 1 else ", each image once with the mean of its log-odds"
    page.table(
        ["Measure", "Value", f"{100 * summary['interval_level']:.0f} % interval", "Kind"],
        [*_decided(report), *_ranked(report), *_calibrated(report), *_oracles(summary)],
        f"A priori: thresholds chosen on dev, applied once to test. {_fitted_text(summary)}"
        "Ranking: of the scores of each fold, mean over folds, without any threshold. "
        f"Probability: calibrated on dev, measured on test{repeats}. Oracle: thresholds chosen on "
        "the test images themselves, for comparison only. Average precision depends on the share "
        "of the label, and is too high on average where a fold tests only a few images of it.",
    )


def _decided(report: Report) -> list[list[Cell]]:
    summary, rates, found = report.summary, report.detection, report.found
    share = f"at a share of {rates['prevalence']:.1%}"
    fitted = summary.get("cross_fitted")
    return [
        ["HTER", *_with_interval(summary, "hter"), A_PRIORI],
        ["FAR", *_with_interval(summary, "far"), A_PRIORI],
        ["FRR", *_with_interval(summary, "frr"), A_PRIORI],
        [f"Sensitivity for {found}", *_with_interval(rates, "sensitivity"), A_PRIORI],
        [f"Specificity for {found}", *_with_interval(rates, "specificity"), A_PRIORI],
        ["Balanced accuracy", *_with_interval(rates, "balanced_accuracy"), A_PRIORI],
        [f"PPV of {found}, {share}", *_with_interval(rates, "ppv"), A_PRIORI],
        [f"NPV of {found}, {share}", *_with_interval(rates, "npv"), A_PRIORI],
        *(
            [[f"F1 of {found}, at their share here", *_with_interval(rates, "f1"), A_PRIORI]]
            if rates.get("f1") is not None
            else []
        ),
        *([] if fitted is None else [["HTER", *_with_interval(fitted, "hter"), CROSS_FITTED]]),
    ]


def _ranked(report: Report) -> list[list[Cell]]:
    summary, names = report.summary, report.data.names
    minority = summary["minority_label"]
    rare = f"Average precision of {names[minority]} (minority)"
    rows: list[list[Cell]] = [
        ["AUROC", *_with_interval(summary, "auroc"), RANKING],
        [rare, *_with_interval(summary, "average_precision_minority"), RANKING],
    ]
    if minority == 0:  # otherwise it is the same number
        of_one = f"Average precision of {names[1]}"
        rows.append([of_one, *_with_interval(summary, "average_precision"), RANKING])
    return rows


def _calibrated(report: Report) -> list[list[Cell]]:
    probabilities, labels = report.images.probabilities, report.images.labels
    return [
        ["Brier score", brier_score(probabilities, labels), "", PROBABILITY],
        ["Expected calibration error", calibration_error(probabilities, labels), "", PROBABILITY],
    ]


def _oracles(summary: Mapping[str, Any]) -> list[list[Cell]]:
    return [
        ["EER, mean over folds", summary["eer"], "", ORACLE],
        ["min-HTER", summary["min_hter"], "", ORACLE],
    ]


def _fitted_text(summary: Mapping[str, Any]) -> str:
    if "cross_fitted" not in summary:
        return ""
    return "Cross-fitted: thresholds of dev and other test images, as in the predictor. "


def _with_interval(summary: Mapping[str, Any], name: str) -> tuple[Cell, Cell]:
    low, high = summary.get(f"{name}_interval", (None, None))
    return summary[name], "" if low is None or high is None else f"{low:.4f} to {high:.4f}"
