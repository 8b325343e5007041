"""The report, put together and written."""

from pathlib import Path

import torch

from imbclf.evaluation.run_images import Photographs
from imbclf.metrics.label_issues import LabelIssues, find_label_issues
from imbclf.reporting.html_page import Page
from imbclf.reporting.plots import draw_det, draw_dev_hter, draw_losses, draw_roc
from imbclf.reporting.run_report.figures import (
    draw_expected_performance,
    draw_histograms,
    draw_hter,
    draw_reliability,
)
from imbclf.reporting.run_report.galleries import add_galleries
from imbclf.reporting.run_report.run_data import Evidence, by_image, read_evidence
from imbclf.reporting.run_report.tables import (
    add_class_counts,
    add_confusion,
    add_folds,
    add_measures,
)
from imbclf.reporting.run_report.text import meaning, origin, rate
from imbclf.utils.tables import write_table

REPORT, SUSPECTS = "report.html", "suspects.csv"


def write_report(run: Path, photographs: Photographs, device: torch.device) -> Path:
    """Write `report.html` and `suspects.csv` of a finished run; return the page's path.

    Args:
        run: the run directory.
        photographs: gives its images; where it cannot, the galleries are left out.
        device: where it is computed what the models look at.

    Raises:
        UserError: as `read_evidence`.
    """
    evidence = read_evidence(run)
    images = by_image(evidence)
    suspects = find_label_issues(images.probabilities, images.labels)
    write_suspects(run / SUSPECTS, images, suspects)
    page = Page(f"Report of {run.resolve().name}")
    _add_headline(page, evidence)
    page.heading("Numbers")
    add_measures(page, evidence)
    add_confusion(page, evidence)
    page.heading("Over all thresholds")
    _add_curves(page, evidence)
    page.heading("Scores and probabilities")
    _add_distributions(page, evidence)
    page.heading("Folds")
    add_folds(page, evidence)
    _add_learning(page, evidence)
    add_class_counts(page, evidence)
    page.heading("Suspicious labels")
    _add_suspects(page, images, suspects)
    add_galleries(page, images, suspects, photographs, device)
    page.heading("Configuration")
    page.code(evidence.config)
    versions = evidence.summary["versions"].items()
    page.paragraph(", ".join(f"{name} {number}" for name, number in versions), note=True)
    page.write(run / REPORT)
    return run / REPORT


def write_suspects(path: Path, evidence: Evidence, suspects: LabelIssues) -> None:
    """Write the images whose label is probably wrong, the most suspicious first."""
    names = evidence.names
    given = evidence.labels[suspects.rows].tolist()
    write_table(
        path,
        {
            "file": evidence.files[suspects.rows],
            "given_label": [names[label] for label in given],
            "suggested_label": [names[label] for label in suspects.suggested.tolist()],
            "probability_of_given": suspects.confidence,
            "rank": range(1, len(given) + 1),
        },
    )


def _add_headline(page: Page, evidence: Evidence) -> None:
    summary = evidence.summary
    low, high = summary["hter_interval"]
    level = f"{100 * summary['interval_level']:.0f} % interval"
    page.headline("HTER", rate(summary["hter"]), f"({level} {rate(low)} to {rate(high)})")
    page.paragraph(meaning(evidence))
    page.paragraph(origin(evidence))


def _add_curves(page: Page, evidence: Evidence) -> None:
    summary = evidence.summary
    scores, labels = evidence.scores, evidence.labels
    far, frr = summary["far"], summary["frr"]
    page.figures(
        [
            (
                draw_roc(scores, labels, far, frr),
                f"ROC curve with an area of {summary['auroc']:.4f}",
                "ROC: share of accepted images of either label over all thresholds.",
            ),
            (
                draw_det(scores, labels, far, frr),
                f"DET curve with an equal error rate of {rate(summary['eer'])}",
                "DET: the two error rates on normal deviate axes.",
            ),
            (
                draw_hter(scores, labels, evidence.fold_of),
                f"HTER against the threshold: {rate(summary['hter'])} at the chosen one, "
                f"{rate(summary['min_hter'])} at the best one",
                "HTER against the threshold. The oracle is chosen on the test images themselves: "
                "its lead is what the choice of a threshold on dev has cost.",
            ),
            (
                draw_expected_performance([*evidence.folds.values()], summary["hter"]),
                "Expected performance curve: HTER on test for thresholds chosen on dev",
                "EPC: what is to be expected where the two errors cost differently. Each "
                "threshold is the plain minimum on dev; the reported one may be estimated "
                "otherwise (cv.threshold).",
            ),
        ]
    )


def _add_distributions(page: Page, evidence: Evidence) -> None:
    page.figures(
        [
            (
                draw_histograms(evidence.scores, evidence.labels, evidence.names),
                "Histograms of the scores of both labels",
                "Scores of test images. What the two colors share is what is confused.",
            ),
            (
                draw_reliability(evidence.probabilities, evidence.labels, evidence.names[1]),
                "Reliability diagram: observed against predicted shares",
                "Reliability of probabilities (logistic calibration fitted on each fold's dev "
                "scores), with 95 % intervals.",
            ),
        ]
    )


def _add_learning(page: Page, evidence: Evidence) -> None:
    page.figures(
        [
            (
                draw_losses(evidence.epochs, evidence.chosen),
                "Loss of each fold against the epoch",
                "Loss on fit and dev images; the chosen epochs are marked.",
            ),
            (
                draw_dev_hter(evidence.epochs, evidence.chosen),
                "HTER on dev of each fold against the epoch",
                "HTER on dev at the threshold chosen on dev: too good, but it shows the course.",
            ),
        ]
    )


def _add_suspects(page: Page, evidence: Evidence, suspects: LabelIssues) -> None:
    page.paragraph(
        f"{len(suspects.rows)} of {len(evidence.labels)} labels are probably wrong, or the images "
        "are hard: models that had not seen these images count them, with confidence, to the other "
        f"label (confident learning). All are listed in {SUSPECTS}, the most suspicious first, "
        "for somebody to look at."
    )
