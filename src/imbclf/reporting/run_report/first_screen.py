"""What a reader sees first: the verdict, four rates, the counts, and how they were measured."""

from collections.abc import Mapping, Sequence
from typing import Any

from imbclf.reporting.html_page import Page
from imbclf.reporting.page_parts import Matrix, Tile, count_text
from imbclf.reporting.run_report.report import Report
from imbclf.reporting.run_report.run_data import RunData
from imbclf.reporting.run_report.text import meaning, origin, percent, predictor_text

ERROR = "half total error rate: mean of the error rates of both labels; guessing gives 50 %"


def title(report: Report) -> str:
    """Return the title of the page: what is found in which data set."""
    return f"Finding {report.found} in {report.data_name}"


def add_first_screen(page: Page, report: Report) -> None:
    """Add all that a reader needs to know before the details."""
    page.facts(_facts(report))
    _add_verdict(page, report)
    page.tiles(_tiles(report))
    matrix = Matrix(report.names, _pairs(report), _caption(report), counts_decisions=True)
    page.matrix(matrix, [_predictive_values(report), _in_short(report)])
    page.facts(_origin(report))
    with page.folded("How was this measured?"):
        page.paragraph(meaning(report.data))
        page.paragraph(origin(report.data))
        page.paragraph(predictor_text(report.data))


def _facts(report: Report) -> list[tuple[str, str]]:
    summary, data = report.summary, report.data
    counts, images = summary["class_counts"], summary["images"]
    own, (found, other) = counts[report.positive], report.names
    grouped = ""
    if data.groups is not None:
        grouped = f", of {len(set(data.groups)):,} groups ({_group_name(data)})"
    shown = (
        f"{images:,}: {own:,} labeled {found} ({percent(own / images)}), "
        f"{images - own:,} labeled {other}{grouped}"
    )
    started = "" if report.command is None else f", {report.command.started}"
    return [("Images", shown), *_labels(data), ("Model", f"{report.network}{started}")]


def _labels(data: RunData) -> list[tuple[str, str]]:
    """Return the column of the labels, where these are numbers that say nothing by themselves."""
    column = _column(data, "label")
    if column is None or not all(name.isdigit() for name in data.names):
        return []
    zero, one = data.names
    return [("Labels", f"{one} or {zero} in column {column} (data.names=[A,B] names them)")]


def _group_name(data: RunData) -> str:
    return _column(data, "group") or "a patient, an object"


def _column(data: RunData, role: str) -> str | None:
    """Return the user's column that was read as `label` or `group`."""
    column: str | None = data.summary.get("data", {}).get("columns", {}).get(role)
    return column


def _origin(report: Report) -> list[tuple[str, str]]:
    command = report.command
    if command is None:
        return []
    changed = " ".join(command.changed) or "nothing"
    return [("Changed from the defaults", changed), ("Command", command.line)]


def _add_verdict(page: Page, report: Report) -> None:
    page.verdict(
        f"{report.verdict['sentence']}.", report.verdict["better"], report.verdict["advice"]
    )
    for sentence in report.summary.get("warnings", []):
        page.caution(f"Warning: {sentence}.")


def _tiles(report: Report) -> list[Tile]:
    rates, summary = report.detection, report.summary
    (hits, missed), (alarms, cleared) = report.counts.tolist()
    found, other = report.found, report.other
    of_found = f"{count_text(hits)} of {count_text(hits + missed)} {found} found"
    of_other = f"{count_text(cleared)} of {count_text(alarms + cleared)} {other} recognized"
    ranked = f"in how many of all pairs {found} is ranked above {other}"
    return [
        _tile("Error rate (HTER)", summary, "hter", ERROR, 0.5),
        _tile("Sensitivity", rates, "sensitivity", of_found),
        _tile("Specificity", rates, "specificity", of_other),
        _tile("AUROC", summary, "auroc", ranked, 0.5, is_share=False),
    ]


def _tile(
    name: str,
    values: Mapping[str, Any],
    key: str,
    text: str,
    chance: float | None = None,
    is_share: bool = True,
) -> Tile:
    low, high = values[f"{key}_interval"]
    return Tile(name, values[key], low, high, text, chance, is_share)


def _pairs(report: Report) -> tuple[tuple[float, float], tuple[float, float]]:
    (hits, missed), (alarms, cleared) = report.counts.tolist()
    return (hits, missed), (alarms, cleared)


def _caption(report: Report) -> str:
    again = (
        f" Each image was tested {report.repeats} times; the counts are means over these."
        if report.repeats > 1
        else ""
    )
    return f"Test images by label and decision; shares are of the images of a label.{again}"


def _predictive_values(report: Report) -> str:
    rates, found, other = report.detection, report.found, report.other
    share = percent(rates["prevalence"])
    here = ", as here" if rates["prevalence"] == rates.get("share", rates["prevalence"]) else ""
    return (
        f"Where {share} of the images are {found}{here}, a decision for {found} is right in "
        f"{percent(rates['ppv'])} of the cases (PPV{_between(rates['ppv_interval'])}), one for "
        f"{other} in {percent(rates['npv'])} (NPV{_between(rates['npv_interval'])}). Where {found} "
        "is rarer, PPV is lower."
    )


def _between(interval: Sequence[float | None]) -> str:
    low, high = interval
    known = low is not None and high is not None
    return f", 95 %: {percent(low)} to {percent(high)}" if known else ""


def _in_short(report: Report) -> str:
    grouped = (
        f" or on images of its group ({_group_name(report.data)})"
        if report.data.groups is not None
        else ""
    )
    return (
        f"Each image was judged by a model that was not trained on it{grouped}, at a threshold "
        "chosen on other images. The intervals (95 %) say how much the rates may differ by chance. "
        "These numbers hold for images like these: of another device, site or population, only "
        "labeled images from there can tell (imbclf-evaluate)."
    )
