"""The figures of a report with their captions."""

from imbclf.reporting.html_page import Page
from imbclf.reporting.plots import draw_det, draw_dev_hter, draw_losses, draw_roc
from imbclf.reporting.run_report.figures import (
    draw_expected_performance,
    draw_histograms,
    draw_hter,
    draw_reliability,
)
from imbclf.reporting.run_report.run_data import RunData
from imbclf.reporting.run_report.text import rate


def add_curves(page: Page, data: RunData) -> None:
    """Add ROC, DET, HTER by threshold and the expected performance curve."""
    summary = data.summary
    far, frr = summary["far"], summary["frr"]
    roc = (
        draw_roc(data.scores, data.labels, far, frr, data.fold_of),
        f"ROC curve with an area of {summary['auroc']:.4f}",
        "ROC: share of accepted images of either label over all thresholds, the mean of the folds' "
        "curves. The operating point is that of all decisions.",
    )
    det = (
        draw_det(data.scores, data.labels, far, frr, data.fold_of),
        f"DET curve with an equal error rate of {rate(summary['eer'])}",
        "DET: the two error rates on normal deviate axes, the mean of the folds' curves.",
    )
    hter = (
        draw_hter(data.scores, data.labels, data.fold_of, summary["min_hter"]),
        f"HTER against the threshold: {rate(summary['hter'])} at the chosen one, "
        f"{rate(summary['min_hter'])} at the best one",
        "HTER against the threshold, moved in all folds by the same amount. The oracle has the "
        "best threshold of each fold, chosen on the test images themselves: no choice could "
        "have come below it, and even perfect thresholds would mostly have stayed above it.",
    )
    expected = (
        draw_expected_performance([*data.folds.values()], summary["hter"]),
        "Expected performance curve: HTER on test for thresholds chosen on dev",
        "EPC: HTER on test of thresholds chosen on dev for other costs of the two errors. It is "
        "the plain HTER, not the cost, and so rises where the costs are far from equal. Each "
        "threshold is the plain minimum on dev; the reported one may be estimated otherwise "
        "(cv.threshold).",
    )
    page.figures([roc, det, hter, expected])


def add_distributions(page: Page, data: RunData) -> None:
    """Add the histograms of the scores and the reliability diagram."""
    histograms = (
        draw_histograms(data.scores, data.labels, data.names),
        "Histograms of the scores of both labels",
        "Scores of test images. Where the two colors overlap, labels are confused.",
    )
    reliability = (
        draw_reliability(data.probabilities, data.labels, data.names[1]),
        "Reliability diagram: observed against predicted shares",
        "Reliability of the probabilities of single fold models (logistic calibration fitted on "
        f"each fold's dev scores), with 95 % intervals{_independence(data)}. The predictor's, of "
        "averaged and sharpened log-odds, can be judged on images new to all of its models "
        "(imbclf-evaluate).",
    )
    page.figures([histograms, reliability])


def _independence(data: RunData) -> str:
    repeats = data.summary.get("repeats", 1)
    once = "" if repeats == 1 else f"; of the {repeats} log-odds of an image it is the mean"
    return f" as if images of one group were independent{once}" if data.groups is not None else once


def add_learning_curves(page: Page, data: RunData) -> None:
    """Add loss and HTER on dev by epoch."""
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
