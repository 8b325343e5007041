"""Put the report together and write it."""

from pathlib import Path

import torch

from imbclf.evaluation.detection_rates import detection_text
from imbclf.evaluation.run_images import Photographs
from imbclf.metrics.label_issues import LabelIssues, find_label_issues
from imbclf.reporting.html_page import Page
from imbclf.reporting.run_report.figure_sections import (
    add_curves,
    add_distributions,
    add_learning_curves,
)
from imbclf.reporting.run_report.galleries import add_galleries
from imbclf.reporting.run_report.images_read import images_read
from imbclf.reporting.run_report.read import read_run_data
from imbclf.reporting.run_report.run_data import RunData, by_image
from imbclf.reporting.run_report.tables import (
    add_class_counts,
    add_confusion,
    add_folds,
    add_given_test,
    add_measures,
)
from imbclf.reporting.run_report.text import (
    given_test,
    meaning,
    origin,
    predictor_text,
    rate,
    suspects_text,
)
from imbclf.reporting.run_report.weights_license import weights_license
from imbclf.utils.tables import write_table

REPORT, SUSPECTS = "report.html", "suspects.csv"


def write_report(run: Path, photographs: Photographs, device: torch.device) -> Path:
    """Write `report.html` and `suspects.csv` of a finished run; return the page's path.

    Args:
        run: the run directory.
        photographs: loads its images; where it cannot, the galleries are left out.
        device: where the saliency maps are computed.

    Raises:
        UserError: as `read_run_data`.
    """
    data = read_run_data(run)
    images = by_image(data)
    suspects = find_label_issues(images.probabilities, images.labels)
    write_suspects(run / SUSPECTS, images, suspects)
    page = Page(f"Report of {run.resolve().name}")
    _add_headline(page, data)
    if "test" in data.summary:
        page.heading("Given test part")
        page.paragraph(given_test(data))
        add_given_test(page, data)
    page.heading("Numbers")
    add_measures(page, data)
    add_confusion(page, data)
    page.heading("Over all thresholds")
    add_curves(page, data)
    page.heading("Scores and probabilities")
    add_distributions(page, images)
    page.heading("Folds")
    add_folds(page, data)
    add_learning_curves(page, data)
    add_class_counts(page, data)
    page.heading("Labels to review")
    page.paragraph(suspects_text(images, suspects))
    add_galleries(page, images, suspects, photographs, device)
    if "data" in data.summary:
        page.heading("Images read")
        for paragraph in images_read(data.summary["data"]):
            page.paragraph(paragraph)
    page.heading("Configuration")
    page.code(data.config)
    versions = data.summary["versions"].items()
    page.paragraph(", ".join(f"{name} {number}" for name, number in versions), note=True)
    if (sentence := weights_license(run)) is not None:
        page.paragraph(sentence, note=True)
    page.write(run / REPORT)
    return run / REPORT


def write_suspects(path: Path, data: RunData, suspects: LabelIssues) -> None:
    """Write the images whose label the models doubt, the least probable labels first."""
    given = data.labels[suspects.rows].tolist()
    write_table(
        path,
        {
            "file": data.files[suspects.rows],
            "given_label": [data.names[label] for label in given],
            "suggested_label": [data.names[label] for label in suspects.suggested.tolist()],
            "probability_of_given": suspects.confidence,
            "rank": range(1, len(given) + 1),
        },
    )


def _add_headline(page: Page, data: RunData) -> None:
    summary = data.summary
    low, high = summary["hter_interval"]
    level = f"{100 * summary['interval_level']:.0f} % interval"
    page.headline("HTER", rate(summary["hter"]), f"({level} {rate(low)} to {rate(high)})")
    if "verdict" in summary:
        page.paragraph(f"{summary['verdict']['sentence']}.")
    if "detection" in summary:
        page.paragraph(f"{detection_text(summary['detection'], data.names)}.")
    page.paragraph(meaning(data))
    page.paragraph(origin(data))
    page.paragraph(predictor_text(data))
    for sentence in data.summary.get("warnings", []):
        page.paragraph(f"Warning: {sentence}.")
