"""A comparison of runs: a table for the terminal, a CSV file and a page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

from matplotlib.figure import Figure

from imbclf.errors import UserError
from imbclf.evaluation.comparison import Rank, rank
from imbclf.evaluation.comparison_remarks import remarks
from imbclf.evaluation.finished_run import FinishedRun
from imbclf.evaluation.learning_curve import (
    LearningCurve,
    curve_sentence,
    find_learning_curve,
)
from imbclf.evaluation.nested_selection import nested_choice, sentence
from imbclf.evaluation.recipes import RecipeRank, rank_recipes
from imbclf.reporting.figure_style import COLORS, CURVE, add_legend, as_written, new_figure
from imbclf.reporting.html_page import Cell, Page
from imbclf.reporting.learning_curve_section import add_learning_curve
from imbclf.reporting.recipe_table import add_recipes, p_text, recipe_text
from imbclf.reporting.run_differences import add_differences, run_cells
from imbclf.utils.tables import write_table

MEANINGS = {"worse": (COLORS[1], "worse"), "better": (COLORS[2], "better")}
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

    Where runs are replicates of a recipe, `recipes.csv` too.

    Raises:
        UserError: fewer than two runs, or as `rank`.
    """
    if len(runs) < 2:
        raise UserError(f"run: expected two finished runs or more, found {len(runs)}")
    ranks = rank(runs, reference)
    choice = nested_choice(runs)
    recipes = rank_recipes(runs, reference)
    curve = find_learning_curve(runs)
    notes = [*remarks(runs, ranks, recipes), *([sentence(choice)] if choice else [])]
    learned = [] if curve is None else [curve_sentence(curve)]
    columns = [field.name for field in fields(Rank)]
    write_table(out / "comparison.csv", {c: [getattr(line, c) for line in ranks] for c in columns})
    if recipes:
        names = [field.name for field in fields(RecipeRank)]
        write_table(out / "recipes.csv", {c: [getattr(one, c) for one in recipes] for c in names})
    _page(ranks, recipes, notes, runs, run_cells(runs, out), curve).write(out / "comparison.html")
    tables = [_table(ranks), *([recipe_text(recipes)] if recipes else [])]
    return "\n".join(["\n\n".join(tables), "", *learned, *notes, ""])


def _table(ranks: Sequence[Rank]) -> str:
    width = min(WIDEST, max(len(line.run) for line in ranks))
    head = f"{'run':{width}}    HTER   95 % interval    difference      p  detectable  verdict"
    lines = [f"{head:{width + 70}}      FAR     FRR   AUROC  seconds"]
    for line in ranks:
        reference = line.verdict == "reference"
        compared = (
            ""
            if reference
            else f"{line.difference:+.4f} {p_text(line.p):>6}  {line.detectable:10.4f}"
        )
        name = line.run if len(line.run) <= width else line.run[: width - 3] + "..."
        rates = f"{line.far:7.4f} {line.frr:7.4f} {line.auroc:7.4f} {line.seconds:8.0f}"
        interval = f"{line.hter_low:.4f} to {line.hter_high:.4f}"
        start = f"{name:{width}}  {line.hter:.4f}  {interval} {compared:>28}  {line.verdict:11}"
        lines.append(f"{start} {rates}")
    return "\n".join(lines)


def _page(
    ranks: Sequence[Rank],
    recipes: Sequence[RecipeRank],
    notes: Sequence[str],
    runs: Sequence[FinishedRun],
    cells: Mapping[str, Cell],
    curve: LearningCurve | None,
) -> Page:
    page = Page(f"Comparison of {len(runs)} runs")
    best = ranks[0]
    page.headline("Lowest HTER", f"{100 * best.hter:.1f} %", f"by {best.run}")
    for note in notes:
        page.paragraph(note)
    page.heading("Half total error rate")
    figure = _intervals(ranks)
    caption = (
        "Pooled a-priori HTER with its 95 % interval, lowest first; thresholds chosen on dev. "
        "Whether runs differ is said by the paired test below, not by whether intervals overlap."
    )
    page.figures([(figure, f"{caption} The table below has the numbers.", caption)])
    if curve is not None:
        add_learning_curve(page, curve)
    add_recipes(page, recipes)
    page.heading("All runs")
    page.table(
        [
            *("Run", "HTER", "95 % interval", "Verdict", "Difference", "its interval", "p"),
            *("Detectable", "p over folds", "FAR", "FRR", "AUROC", "Seconds"),
        ],
        [_cells(line, cells) for line in ranks],
        "Difference: HTER minus that of the reference, on the images that both tested, with its "
        "95 % interval. p: paired test; p over folds: corrected resampled t-test; both adjusted "
        "for the number of runs, by Holm's procedure, or by Bonferroni's for all pairs of runs "
        "where the reference is the lowest HTER. Detectable: the true difference that is found in "
        "80 % of such comparisons. A click on a column's head sorts.",
    )
    add_differences(page, runs, cells)
    return page


def _cells(line: Rank, cells: Mapping[str, Cell]) -> list[Cell]:
    compared: list[Cell] = [None] * 5
    if line.verdict != "reference":
        interval = f"{line.low:+.4f} to {line.high:+.4f}"
        compared = [line.difference, interval, line.p, line.detectable, line.p_folds]
    own: list[Cell] = [cells[line.run], line.hter, f"{line.hter_low:.4f} to {line.hter_high:.4f}"]
    return [*own, line.verdict, *compared, line.far, line.frr, line.auroc, round(line.seconds)]


def _intervals(ranks: Sequence[Rank]) -> Figure:
    figure, axes = new_figure("HTER (%)", "", 1.2 + 0.3 * len(ranks), "HTER of each run")
    named = set[str]()
    for row, line in enumerate(ranks):
        color, meaning = MEANINGS.get(line.verdict, (CURVE, "reference or not told apart"))
        label = None if meaning in named else meaning
        named.add(meaning)
        axes.plot([100 * line.hter_low, 100 * line.hter_high], [row, row], color=color)
        axes.plot(100 * line.hter, row, "o", color=color, label=label)
    names = [line.run if len(line.run) <= 48 else line.run[:45] + "..." for line in ranks]
    axes.set_yticks(range(len(ranks)), map(as_written, names))
    axes.set(ylim=(len(ranks) - 0.5, -0.5))
    add_legend(figure, columns=3)
    return figure
