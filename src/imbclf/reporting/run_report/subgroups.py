"""The section of a report on subgroups: errors by the values of further columns."""

from imbclf.evaluation.subgroups import FEWEST, cells, homogeneity_text
from imbclf.reporting.html_page import Page
from imbclf.reporting.run_report.report import Report


def add_subgroups(page: Page, report: Report) -> None:
    """Add a table for each column that errors are reported by, if there are any."""
    data = report.data
    columns = data.summary.get("subgroups", [])
    if not columns:
        return
    positive, names = data.summary["minority_label"], data.names
    page.heading("Subgroups")
    page.paragraph(
        "Out-of-fold errors by the values of columns of the table (data.subgroups). p is the "
        "chance of differences this large if FAR and FRR were the same for all values, adjusted "
        "for the number of columns (Holm). Where p is large, the rows differ as chance has it. "
        f"Sensitivity: label {names[positive]} found; specificity: label {names[1 - positive]} "
        f"recognized. Too few: fewer than {FEWEST} images of a label."
    )
    for column in columns:
        page.table(
            [
                *(column["column"], f"Images of {names[0]}", f"Images of {names[1]}", "HTER"),
                *("95 % interval", "Sensitivity", "Specificity"),
            ],
            [list(cells(row, positive)) for row in column["values"]],
            f"{homogeneity_text(column)}.",
        )
