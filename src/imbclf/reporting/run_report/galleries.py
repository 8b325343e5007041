"""Images in a report: errors, uncertain and right decisions, doubted labels, with heat maps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.reporting.html_page import Page
from imbclf.reporting.page_parts import Picture
from imbclf.reporting.run_report.heat_maps import heat_maps
from imbclf.reporting.run_report.image_selection import (
    most_confident_errors,
    nearest_to_threshold,
    typical_right,
)
from imbclf.reporting.run_report.report import Report
from imbclf.reporting.run_report.text import percent, suspects_text
from imbclf.reporting.run_report.view import detailed

MOST = 16  # images in a gallery of errors
FEWER = 8  # in the others
EXPLAINED = 6  # heat maps in each gallery


@dataclass(frozen=True, eq=False)
class _Gallery:
    title: str
    rows: NDArray[np.int64]


def add_galleries(page: Page, report: Report) -> None:
    """Add all galleries, or the reason why there are none."""
    page.heading("Images")
    page.paragraph(suspects_text(report.images, report.suspects))
    galleries = _choose(report)
    rows = np.unique(np.concatenate([gallery.rows for gallery in galleries]))
    files = report.images.files[rows].tolist()
    try:
        seen = report.photographs(files) if len(rows) else np.empty(0, np.uint8)
    except UserError as error:
        page.paragraph(f"There are no images in this report: {error}.", note=True)
        return
    seen_of = dict(zip(rows.tolist(), seen, strict=True))
    shown_of = dict(zip(rows.tolist(), detailed(report.data.run, files, seen), strict=True))
    explained = np.unique(np.concatenate([gallery.rows[:EXPLAINED] for gallery in galleries]))
    heat_of, problem = heat_maps(report, explained, seen_of)
    page.paragraph(
        f"P is the probability of {report.found}; “label?” marks a doubted label. A click shows an "
        "image large; arrow keys lead on. In some of them a heat map shows where the model looks, "
        "in orange: the stronger, the more the decision changes when the pixel does (SmoothGrad, "
        "in a model that was not trained on the image). It shows where a model "
        "looks, not why, and not whether it is right." + (f" {problem}" if problem else "")
    )
    if heat_of:
        page.heat_switch()
    for gallery in galleries:
        page.subheading(gallery.title)
        if not len(gallery.rows):
            page.paragraph("There are none.")
            continue
        page.pictures(
            [
                _picture(report, row, shown_of[row], heat_of.get(row))
                for row in gallery.rows.tolist()
            ]
        )


def _choose(report: Report) -> list[_Gallery]:
    """Return the galleries; an image is only in the first one that it qualifies for."""
    data, positive = report.images, report.positive
    missed, alarms = (
        most_confident_errors(data.log_odds, data.labels, data.decisions, label, MOST)
        for label in (positive, 1 - positive)
    )
    right = [
        typical_right(data.margins, data.labels, data.decisions, label, FEWER)
        for label in (positive, 1 - positive)
    ]
    found, other = report.found, report.other
    wanted: Sequence[tuple[str, NDArray[np.int64], int]] = (
        (
            f"Missed: labeled {found}, decided {other}; the most confident errors first",
            missed,
            MOST,
        ),
        (f"False alarms: labeled {other}, decided {found}", alarms, MOST),
        (
            "Nearest to the threshold",
            nearest_to_threshold(data.margins, FEWER + 2 * MOST),  # some of them are taken
            FEWER,
        ),
        ("Labels to review, further ones", report.suspects.rows, FEWER),
        (f"Right decisions, typical ones: {found}", right[0], FEWER),
        (f"Right decisions, typical ones: {other}", right[1], FEWER),
    )
    taken = set[int]()
    galleries = []
    for title, rows, most in wanted:
        new = np.array([row for row in rows.tolist() if row not in taken][:most], np.int64)
        taken |= set(new.tolist())
        galleries.append(_Gallery(title, new))
    return galleries


def _picture(
    report: Report, row: int, image: NDArray[np.uint8], heat: NDArray[np.float64] | None
) -> Picture:
    data, positive = report.images, report.positive
    one = float(data.probabilities[row])
    note, doubted = f"P {percent(one if positive else 1 - one)}", ""
    if row in report.suspects.rows:
        note, doubted = f"{note}, label?", ", label doubted"
    label, decision = (data.names[values[row]] for values in (data.labels, data.decisions))
    detail = f"labeled {label}, decided {decision}, {note.partition(',')[0]}{doubted}"
    return Picture(image, str(data.files[row]), note, heat, detail)
