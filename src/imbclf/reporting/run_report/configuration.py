"""How to get the run again: command, configuration, versions."""

from imbclf.reporting.html_page import Page
from imbclf.reporting.run_report.report import Report
from imbclf.reporting.run_report.weights_license import weights_license


def add_configuration(page: Page, report: Report) -> None:
    """Add the section."""
    page.heading("Command and configuration")
    page.paragraph(f"Run directory: {report.data.run.resolve().name}", note=True)
    if report.command is not None:
        page.code(report.command.line)
    with page.folded("All options (config.yaml)"):
        page.code(report.data.config)
    versions = report.summary["versions"].items()
    page.paragraph(", ".join(f"{name} {number}" for name, number in versions), note=True)
    if (sentence := weights_license(report.data.run)) is not None:
        page.paragraph(sentence, note=True)
