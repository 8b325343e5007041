"""The images of a run: what was read, what was left out, what was held out."""

import numpy as np

from imbclf.data.holdout import HOLDOUT
from imbclf.reporting.html_page import Page
from imbclf.reporting.run_report.images_read import images_read
from imbclf.reporting.run_report.report import Report


def add_data_set(page: Page, report: Report) -> None:
    """Add the section, as far as the run says anything about it."""
    lines = data_lines(report)
    if not lines:
        return
    page.heading("Images read")
    for line in lines:
        page.paragraph(line)


def data_lines(report: Report) -> list[str]:
    """Return what was read, left out, held out and kept together, in sentences."""
    lines = images_read(report.summary["data"]) if "data" in report.summary else []
    held = report.data.run / HOLDOUT
    if held.exists():
        count = max(0, len(held.read_text(encoding="utf-8").splitlines()) - 1)
        lines.append(
            f"{count:,} images were held out of everything (holdout.csv): imbclf-evaluate measures "
            "the predictor on them."
        )
    groups, labels = report.images.groups, report.images.labels
    if groups is not None:
        zero, one = (len(np.unique(groups[labels == label])) for label in (0, 1))
        names = report.data.names
        lines.append(
            f"The images tested are of {len(np.unique(groups)):,} groups, {zero:,} with label "
            f"{names[0]} and {one:,} with label {names[1]}; images of one group are never both "
            "trained on and tested."
        )
    return lines
