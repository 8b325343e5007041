"""The sections of a report, in order.

A section is a function that adds its heading and its blocks to the page, or nothing where the run
has not what it shows. A new one needs a file with such a function, and its name in this list.
"""

from collections.abc import Callable

from imbclf.reporting.html_page import Page
from imbclf.reporting.run_report.configuration import add_configuration
from imbclf.reporting.run_report.curves import add_curves
from imbclf.reporting.run_report.data_set import add_data_set
from imbclf.reporting.run_report.fold_tables import add_folds
from imbclf.reporting.run_report.galleries import add_galleries
from imbclf.reporting.run_report.given_test import add_given_test
from imbclf.reporting.run_report.measures import add_measures
from imbclf.reporting.run_report.other_thresholds import add_other_thresholds
from imbclf.reporting.run_report.probabilities import add_probabilities
from imbclf.reporting.run_report.referring import add_referring
from imbclf.reporting.run_report.report import Report
from imbclf.reporting.run_report.subgroups import add_subgroups

Section = Callable[[Page, Report], None]

SECTIONS: tuple[Section, ...] = (
    add_given_test,
    add_other_thresholds,
    add_referring,
    add_curves,
    add_probabilities,
    add_galleries,
    add_measures,
    add_subgroups,
    add_folds,
    add_data_set,
    add_configuration,
)
