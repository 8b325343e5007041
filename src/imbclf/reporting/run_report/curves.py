"""The curves of a report: over all thresholds, and by what decisions are worth."""

from imbclf.reporting.figures.decision_curve import draw_decision_curve
from imbclf.reporting.figures.det import draw_det
from imbclf.reporting.figures.expected_performance import draw_expected_performance
from imbclf.reporting.figures.hter_by_threshold import draw_hter
from imbclf.reporting.figures.precision_recall import draw_precision_recall
from imbclf.reporting.figures.roc import draw_roc
from imbclf.reporting.html_page import Page
from imbclf.reporting.run_report.report import Report
from imbclf.reporting.run_report.text import percent, rate


def add_curves(page: Page, report: Report) -> None:
    """Add ROC, precision-recall and decision curve, and folded those for specialists."""
    data, summary = report.data, report.summary
    scored, found = report.scored, report.found
    page.heading("Curves")
    precision = summary["average_precision_minority"]
    roc = (
        draw_roc(scored),
        f"ROC curve of {found} with an area of {summary['auroc']:.4f}; sensitivity "
        f"{percent(scored.sensitivity)} at specificity {percent(1 - scored.false_alarms)}",
        f"How many {found} are found for how many false alarms, the mean of the folds' curves. "
        "The dotted line is what chance reaches.",
    )
    recall = (
        draw_precision_recall(scored, precision),
        f"Precision-recall curve of {found}, average precision {precision:.4f}",
        f"How many decisions for {found} are right, by how many of them are found. Unlike the ROC "
        f"curve it shows how rare {found} is: {percent(scored.prevalence)} here.",
    )
    one = report.images
    chances = one.probabilities if report.positive else 1 - one.probabilities
    benefit = (
        draw_decision_curve(chances, one.labels == report.positive, found),
        f"Decision curve: net benefit by the probability of {found} from which on one would act",
        "Net benefit (Vickers and Elkin 2006): needless actions weigh the less, the lower the "
        "probability from which on one would act. The models are of use where their curve is "
        "above both others.",
    )
    errors = (
        draw_hter(data.scores, data.labels, data.fold_of, summary["min_hter"], data.names),
        f"HTER against the threshold: {rate(summary['hter'])} at the chosen one, "
        f"{rate(summary['min_hter'])} at the best one",
        "Errors against the threshold, moved in all folds by the same amount. The oracle has the "
        "best threshold of each fold, chosen on the test images themselves: no choice could "
        "have come below it, and even perfect thresholds would mostly have stayed above it.",
    )
    page.figures([roc, recall, benefit, errors])
    with page.folded("For specialists: DET, EPC"):
        _add_special(page, report)


def _add_special(page: Page, report: Report) -> None:
    data, summary = report.data, report.summary
    det = (
        draw_det(report.scored, summary["eer"]),
        f"DET curve with an equal error rate of {rate(summary['eer'])}",
        "DET: the two error rates on normal deviate axes, the mean of the folds' curves.",
    )
    expected = (
        draw_expected_performance([*data.folds.values()], summary["hter"]),
        "Expected performance curve: HTER on test for thresholds chosen on dev",
        "EPC: HTER on test of thresholds chosen on dev for other costs of the two errors. It is "
        "the plain HTER, not the cost, and so rises where the costs are far from equal. Each "
        "threshold is the plain minimum on dev; the reported one may be estimated otherwise "
        "(cv.threshold).",
    )
    page.figures([det, expected])
