"""A comparison of runs: a table for the terminal, a CSV file and a page."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from matplotlib.figure import Figure

from imbclf.errors import UserError
from imbclf.evaluation.comparison import (
    Rank,
    rank,
    remarks,
)
from imbclf.evaluation.finished_run import FinishedRun
from imbclf.evaluation.nested_selection import nested_choice, sentence
from imbclf.reporting.figure_style import COLORS, as_written
from imbclf.reporting.html_page import Cell, Page
from imbclf.utils.tables import write_table

WIDEST = 60  # characters of a run's name on the terminal


def named_apart(runs: Sequence[FinishedRun]) -> list[FinishedRun]:
    """Return the runs, those of the same name numbered in order: `a`, `a (2)`."""
    counts = Counter[str]()
    named = []
    for run in runs:
        counts[run.name] += 1
        number = counts[run.name]
        named.append(run if number == 1 else replace(run, name=f"{run.name} ({number})"))
    return named


def write_comparison(runs: Sequence[FinishedRun], reference: str | None, out: Path) -> str:
    """Write `comparison.csv` and `comparison.html`; return the text for the terminal.

    Raises:
        UserError: fewer than two runs, or as `rank`.
    """
    if len(runs) < 2:
        raise UserError(f"run: expected two finished runs or more, found {len(runs)}")
    ranks = rank(runs, reference)
    choice = nested_choice(runs)
    notes = [*remarks(runs, ranks), *([sentence(choice)] if choice else [])]
    columns = [field.name for field in fields(Rank)]
    write_table(out / "comparison.csv", {c: [getattr(line, c) for line in ranks] for c in columns})
    _page(ranks, notes).write(out / "comparison.html")
    return "\n".join([_table(ranks), "", *notes, ""])


def _table(ranks: Sequence[Rank]) -> str:
    width = min(WIDEST, max(len(line.run) for line in ranks))
    head = f"{'run':{width}}    HTER   95 % interval    difference      p  verdict"
    lines = [f"{head:{width + 58}}      FAR     FRR   AUROC  seconds"]
    for line in ranks:
        reference = line.verdict == "reference"
        compared = "" if reference else f"{line.difference:+.4f} {_p(line.p):>6}"
        name = line.run if len(line.run) <= width else line.run[: width - 3] + "..."
        rates = f"{line.far:7.4f} {line.frr:7.4f} {line.auroc:7.4f} {line.seconds:8.0f}"
        interval = f"{line.hter_low:.4f} to {line.hter_high:.4f}"
        start = f"{name:{width}}  {line.hter:.4f}  {interval} {compared:>16}  {line.verdict:11}"
        lines.append(f"{start} {rates}")
    return "\n".join(lines)


def _p(p: float) -> str:
    return "<.0001" if p < 1e-4 else f"{p:.4f}".lstrip("0") if p < 1 else "1"


def _page(ranks: Sequence[Rank], notes: Sequence[str]) -> Page:
    page = Page("Comparison of runs")
    best = ranks[0]
    page.headline("Lowest HTER", f"{100 * best.hter:.2f} %", f"by {best.run}")
    for note in notes:
        page.paragraph(note)
    page.heading("Half total error rate")
    figure = _intervals(ranks)
    caption = "Pooled a-priori HTER with its 95 % interval, lowest first."
    page.figures([(figure, f"{caption} The table below has the numbers.", caption)])
    page.heading("All runs")
    page.table(
        [
            *("Run", "HTER", "95 % interval", "Difference", "its interval", "p", "p over folds"),
            *("Verdict", "FAR", "FRR", "AUROC", "Seconds"),
        ],
        [_cells(line) for line in ranks],
        "Difference: HTER minus that of the reference, on the images that both tested, with its "
        "95 % interval. p: paired test; p over folds: corrected resampled t-test; both adjusted "
        "for the number of runs, by Holm's procedure, or by Bonferroni's for all pairs of runs "
        "where the reference is the lowest HTER. A click on a column's head sorts.",
    )
    return page


def _cells(line: Rank) -> list[Cell]:
    compared: list[Cell] = [None] * 4
    if line.verdict != "reference":
        interval = f"{line.low:+.4f} to {line.high:+.4f}"
        compared = [line.difference, interval, line.p, line.p_folds]
    own: list[Cell] = [line.run, line.hter, f"{line.hter_low:.4f} to {line.hter_high:.4f}"]
    return [*own, *compared, line.verdict, line.far, line.frr, line.auroc, round(line.seconds)]


def _intervals(ranks: Sequence[Rank]) -> Figure:
    figure = Figure(figsize=(7, 0.8 + 0.32 * len(ranks)), layout="constrained")
    axes = figure.add_subplot()
    for row, line in enumerate(ranks):
        color = {"worse": COLORS[1], "better": COLORS[2]}.get(line.verdict, COLORS[0])
        axes.plot([100 * line.hter_low, 100 * line.hter_high], [row, row], color=color)
        axes.plot(100 * line.hter, row, "o", color=color)
    names = [line.run if len(line.run) <= 48 else line.run[:45] + "..." for line in ranks]
    axes.set_yticks(range(len(ranks)), map(as_written, names))
    axes.set(xlabel="HTER (%)", ylim=(len(ranks) - 0.5, -0.5))
    axes.grid(axis="x", color="0.9")
    return figure
