"""What it would buy to refer the most doubtful images to a person."""

from imbclf.evaluation.operating_scores import cross_fitted_oof
from imbclf.prediction.referral import Referral, choose_referral
from imbclf.reporting.figures.risk_coverage import draw_risk_coverage
from imbclf.reporting.html_page import Cell, Page
from imbclf.reporting.run_report.report import Report
from imbclf.reporting.run_report.text import percent, rate

SHARES = (0.05, 0.1, 0.2, 0.3)


def add_referring(page: Page, report: Report) -> None:
    """Add the section."""
    data, oof = report.images, cross_fitted_oof(report.data.run)
    page.heading("Referring doubtful images to a person")
    page.paragraph(
        "The nearer the score of an image is to the threshold, the more often its decision is "
        "wrong. imbclf-predict refers the most doubtful images to a person if it is asked to "
        "(refer=0.1, a tenth), or those that it cannot decide with at most a given share of wrong "
        "decisions of each label (max_error=0.05)."
    )
    found = [choose_referral("refer", share, oof) for share in SHARES]
    level = f"{100 * report.summary['interval_level']:.0f} % interval"
    zero, other = data.names
    columns = (
        *("Referred to a person", "HTER of the others", level, f"{zero} decided {other}"),
        *(f"{other} decided {zero}", f"of {zero} referred", f"of {other} referred"),
    )
    page.figures(
        [
            (
                draw_risk_coverage(oof["score"], oof["label"], data.names),
                f"Risk-coverage curve: HTER {rate(found[0].plain_hter)} if all images are decided, "
                + ", ".join(
                    f"{rate(one.hter)} of the others if {percent(one.value)} are referred"
                    for one in found
                    if one.hter is not None
                ),
                "Errors of the images that are decided, out of fold. The curve shows whether doubt "
                "is a good guide to errors: if it were none, it would not fall. It is ragged where "
                "few images of a label are left.",
            )
        ]
    )
    page.table(
        columns,
        [_row(one) for one in found],
        "Out of fold, with thresholds of dev and test (cross-fitted), as imbclf-predict chooses. "
        "The last two columns say whom it costs: how many images of each label a person would see.",
    )


def _row(found: Referral) -> list[Cell]:
    interval = found.hter_interval
    return [
        percent(found.value),
        None if found.hter is None else rate(found.hter),
        None if interval is None else f"{rate(interval[0])} to {rate(interval[1])}",
        percent(found.far),
        percent(found.frr),
        *map(percent, found.referred_of),
    ]
