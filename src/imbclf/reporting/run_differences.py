"""What differs between runs that are compared: their options, and where their reports are."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from imbclf.evaluation.finished_run import FinishedRun
from imbclf.reporting.html_page import Page
from imbclf.reporting.page_parts import Cell, Link

REPORT = "report.html"
ELSEWHERE = ("tracking", "data.cache_dir", "data.dir")  # no part of what a run is


def run_cells(runs: Sequence[FinishedRun], out: Path) -> dict[str, Cell]:
    """Return each run's name, as a link to its report where there is one.

    Args:
        runs: those that are compared.
        out: the folder of the page with the links.
    """
    cells: dict[str, Cell] = {}
    for run in runs:
        report = None if run.folder is None else run.folder / REPORT
        cells[run.name] = run.name
        if report is not None and report.exists():
            relative = Path(os.path.relpath(report.resolve(), out.resolve())).as_posix()
            cells[run.name] = Link(run.name, quote(relative))
    return cells


def add_differences(page: Page, runs: Sequence[FinishedRun], cells: Mapping[str, Cell]) -> None:
    """Add a table of the options that not all runs share, if there are any."""
    options = [dict(_flat(run.config)) for run in runs]
    names = list(dict.fromkeys(name for own in options for name in own))
    differing = [name for name in names if len({str(own.get(name)) for own in options}) > 1]
    if not differing:
        return
    page.heading("What differs between the runs")
    rows = [
        [cells[run.name], *(_text(own.get(name)) for name in differing)]
        for run, own in zip(runs, options, strict=True)
    ]
    page.table(
        ["Run", *(name.removesuffix("._target_") for name in differing)],
        rows,
        "Options that not all runs share (config.yaml); empty where a run has no such option.",
    )


def _flat(section: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        name = f"{prefix}{key}"
        if name in ELSEWHERE:
            continue
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        else:
            yield name, value


def _text(value: object) -> str:
    text = "" if value is None else str(value)
    return text.rpartition(".")[2] if text.startswith("imbclf.") else text
