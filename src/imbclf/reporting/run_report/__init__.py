"""`report.html` and `suspects.csv` of a run directory, made from its files alone."""

from imbclf.evaluation.run_images import data_options, from_memory, from_run
from imbclf.reporting.run_report.write import REPORT, SUSPECTS, write_report

__all__ = ["REPORT", "SUSPECTS", "data_options", "from_memory", "from_run", "write_report"]
