"""Put the report together and write it."""

from pathlib import Path

import torch

from imbclf.evaluation.run_command import read_command
from imbclf.evaluation.run_images import Photographs
from imbclf.metrics.label_issues import LabelIssues, find_label_issues
from imbclf.reporting.html_page import Page
from imbclf.reporting.model_card import write_model_card
from imbclf.reporting.run_report.first_screen import add_first_screen, title
from imbclf.reporting.run_report.read import read_run_data
from imbclf.reporting.run_report.report import Report
from imbclf.reporting.run_report.run_data import RunData, by_image
from imbclf.reporting.run_report.sections import SECTIONS
from imbclf.utils.tables import write_table

REPORT, SUSPECTS = "report.html", "suspects.csv"


def write_report(run: Path, photographs: Photographs, device: torch.device) -> Path:
    """Write `report.html` and `suspects.csv` of a finished run, and its model card.

    Args:
        run: the run directory.
        photographs: loads its images; where it cannot, the galleries are left out.
        device: where the heat maps are computed.

    Returns:
        The path of the page.

    Raises:
        UserError: as `read_run_data`.
    """
    data = read_run_data(run)
    images = by_image(data)
    suspects = find_label_issues(images.probabilities, images.labels)
    write_suspects(run / SUSPECTS, images, suspects)
    report = Report(data, images, suspects, photographs, device, read_command(run))
    page = Page(title(report))
    add_first_screen(page, report)
    for add_section in SECTIONS:
        add_section(page, report)
    page.write(run / REPORT)
    write_model_card(report)
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
