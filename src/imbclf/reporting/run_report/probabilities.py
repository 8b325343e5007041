"""Scores and probabilities of the test images."""

from imbclf.reporting.figures.histograms import draw_histograms
from imbclf.reporting.figures.reliability import draw_reliability
from imbclf.reporting.html_page import Page
from imbclf.reporting.run_report.report import Report


def add_probabilities(page: Page, report: Report) -> None:
    """Add the histograms of the scores and the reliability diagram."""
    data = report.images
    page.heading("Scores and probabilities")
    histograms = (
        draw_histograms(data.scores, data.labels, data.names),
        "Histograms of the scores of both labels",
        "Scores of test images. Where the two colors overlap, labels are confused.",
    )
    reliability = (
        draw_reliability(data.probabilities, data.labels, data.names[1]),
        "Reliability diagram: observed against predicted shares",
        "Reliability of the probabilities of single fold models (logistic calibration fitted on "
        f"each fold's dev scores), with 95 % intervals{_independence(report)}. The predictor's, of "
        "averaged and sharpened log-odds, can be judged on images new to all of its models "
        "(imbclf-evaluate).",
    )
    page.figures([histograms, reliability])


def _independence(report: Report) -> str:
    times = report.repeats
    once = "" if times == 1 else f"; of the {times} log-odds of an image it is the mean"
    if report.data.groups is None:
        return once
    return f" as if images of one group were independent{once}"
