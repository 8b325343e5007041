"""What other thresholds would do: a table, and a slider where there are scripts."""

import numpy as np
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.prediction.operating_point import choose_operating_point
from imbclf.reporting.html_page import Cell, Page
from imbclf.reporting.page_parts import Matrix
from imbclf.reporting.run_report.report import Report
from imbclf.reporting.run_report.text import percent

COLUMNS = ("Wanted", "Sensitivity", "Specificity", "PPV", "NPV", "Kept on new images")
CONFIDENCE = 0.95  # as the commands choose a threshold
TARGETS = (0.8, 0.9, 0.95, 0.99)
STEPS = 201  # of the slider, at most


def add_other_thresholds(page: Page, report: Report) -> None:
    """Add the section."""
    page.heading("Other thresholds")
    page.paragraph(
        "A higher sensitivity costs specificity. These are the rates if the thresholds of all "
        "folds are moved by the same amount. They are read off the test images themselves, and "
        "so are a little too optimistic. That new images keep to a rate, with a confidence of "
        f"{CONFIDENCE:.0%}, costs more of the other one: the last column. Such a threshold is what "
        "imbclf-predict chooses (min_sensitivity=0.9, min_specificity=0.9)."
    )
    rows = threshold_rows(report)
    page.table(COLUMNS, rows, f"PPV and NPV at {_share(report)} {report.found}, as here.")
    (hits, missed), (alarms, cleared) = report.counts.tolist()
    caption = f"Test images at the threshold of the slider; the shares are of {report.found} and of"
    matrix = Matrix(
        report.names,
        ((hits, missed), (alarms, cleared)),
        f"{caption} {report.other}.",
    )
    page.slider(_slider(report), matrix)


def _share(report: Report) -> str:
    return percent(report.detection["prevalence"])


def _found(report: Report, moves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return positive decisions among both labels, the positive one first, `[2, M]`."""
    data, positive = report.data, report.positive
    counts = []
    for label in (positive, 1 - positive):
        own = np.sort(data.scores[data.labels == label])
        below = np.searchsorted(own, moves)
        counts.append(len(own) - below if positive else below)
    return np.array(counts) / report.repeats


def threshold_rows(report: Report) -> list[list[Cell]]:
    """Return for each wanted rate the best that can be had with it; none if a label is absent."""
    moves = np.unique(np.concatenate([report.data.scores, [np.inf]]))
    totals = report.counts.sum(axis=1)
    if not totals.all():
        return []
    sensitivity, alarms = _found(report, moves) / totals[:, None]
    specificity = 1 - alarms
    rows = []
    for target in TARGETS:
        for name, own, rest in (
            ("sensitivity", sensitivity, specificity),
            ("specificity", specificity, sensitivity),
        ):
            enough = np.flatnonzero(own >= target)
            best = enough[np.argmax(rest[enough])]
            wanted = f"{name} ≥ {100 * target:.0f} %"
            row = _row(report, wanted, sensitivity[best], specificity[best])
            rows.append([*row, kept_on_new_images(report, f"min_{name}", target)])
    return sorted(rows, key=lambda row: str(row[0]))


def kept_on_new_images(report: Report, aim: str, target: float) -> str:
    """Return the rate that is left where new images keep to an aim; it is that of the commands."""
    if report.out_of_fold is None:
        return "unknown"
    try:
        point = choose_operating_point(aim, target, report.out_of_fold, CONFIDENCE)
    except UserError:
        return "too few"
    if point.positive != report.positive:
        return "unknown"  # the commands' positive label is the rarer one
    other = "specificity" if aim == "min_sensitivity" else "sensitivity"
    return f"{other} {percent(point.rates[other])}"


def _row(report: Report, wanted: str, sensitivity: float, specificity: float) -> list[Cell]:
    share = report.detection["prevalence"]
    right, alarms = sensitivity * share, (1 - specificity) * (1 - share)
    cleared, missed = specificity * (1 - share), (1 - sensitivity) * share
    values = (sensitivity, specificity, _ratio(right, alarms), _ratio(cleared, missed))
    return [wanted, *map(percent, values)]


def _ratio(right: float, wrong: float) -> float | None:
    return right / (right + wrong) if right + wrong > 0 else None


def _slider(report: Report) -> dict[str, object]:
    """Return what `page/threshold.js` takes; the chosen thresholds are one of the steps."""
    scores = report.data.scores
    quantiles = np.quantile(scores, np.linspace(0, 1, STEPS - 2)).round(6)
    moves = np.unique([*quantiles, 0.0, np.nextafter(scores.max(), np.inf)])
    found, alarms = _found(report, moves)
    positives, others = report.counts.sum(axis=1).tolist()
    return {
        "thresholds": moves.round(4).tolist(),
        "found": found.tolist(),
        "alarms": alarms.tolist(),
        "positives": positives,
        "others": others,
        "start": int(np.flatnonzero(moves == 0)[0]),
        "prevalence": report.detection["prevalence"],
        "positive": report.found,
    }
