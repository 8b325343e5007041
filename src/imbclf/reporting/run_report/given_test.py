"""The result on the test part that the user made."""

from imbclf.reporting.html_page import Cell, Page
from imbclf.reporting.run_report.report import Report
from imbclf.reporting.run_report.text import given_test, rate


def add_given_test(page: Page, report: Report) -> None:
    """Add the result on a given test part beside the out-of-fold result, if there is one."""
    test, summary = report.summary.get("test"), report.summary
    if test is None:
        return
    page.heading("Given test part")
    page.paragraph(given_test(report.data))
    rows: list[list[Cell]] = [
        ["HTER", rate(summary["hter"]), rate(test["hter"])],
        ["95 % interval", _interval(summary["hter_interval"]), _interval(test["hter_interval"])],
        ["FAR", rate(summary["far"]), rate(test["far"])],
        ["FRR", rate(summary["frr"]), rate(test["frr"])],
        ["AUROC", f"{summary['auroc']:.4f}", f"{test['auroc']:.4f}"],
        *(
            [f"Images labeled {name}", summary["class_counts"][label], count]
            for label, (name, count) in enumerate(
                zip(report.data.names, test["class_counts"], strict=True)
            )
        ),
    ]
    page.table(["Measure", "Out of fold", "Given test part"], rows, "Two results, never mixed.")


def _interval(ends: list[float]) -> str:
    return f"{rate(ends[0])} to {rate(ends[1])}"
