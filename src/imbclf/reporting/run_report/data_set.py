"""The images of a run: what was read, what was left out, what was held out."""

from imbclf.data.holdout import HOLDOUT
from imbclf.reporting.html_page import Page
from imbclf.reporting.run_report.images_read import images_read
from imbclf.reporting.run_report.report import Report


def add_data_set(page: Page, report: Report) -> None:
    """Add the section, as far as the run says anything about it."""
    lines = images_read(report.summary["data"]) if "data" in report.summary else []
    held = report.data.run / HOLDOUT
    if held.exists():
        count = max(0, len(held.read_text(encoding="utf-8").splitlines()) - 1)
        lines.append(
            f"{count:,} images were held out of everything (holdout.csv): imbclf-evaluate measures "
            "the predictor on them."
        )
    if not lines:
        return
    page.heading("Images read")
    for line in lines:
        page.paragraph(line)
