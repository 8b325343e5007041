"""The comparison of recipes over their seeds, as text and as a table of a page."""

from collections.abc import Sequence

from imbclf.evaluation.recipes import RecipeRank
from imbclf.reporting.html_page import Cell, Page
from imbclf.utils.text import text_table


def p_text(p: float) -> str:
    """Return a p-value in six characters or fewer.

    >>> p_text(0.00003), p_text(0.0312), p_text(1.0)
    ('<.0001', '.0312', '1')
    """
    return "<.0001" if p < 1e-4 else f"{p:.4f}".lstrip("0") if p < 1 else "1"


def recipe_text(ranks: Sequence[RecipeRank]) -> str:
    """Return a row for each recipe, lowest mean HTER first.

    >>> best = RecipeRank("loss=bce", 3, 0.1, 0.004, 0, 0, 0, 1, "reference", float("nan"))
    >>> other = RecipeRank("loss=focal", 3, 0.13, 0.006, 0.03, 0.01, 0.05, 0.01, "worse", 0.03)
    >>> print(recipe_text([best, other]))
    recipe      seeds    HTER  deviation  difference      p  detectable  verdict
    loss=bce        3  0.1000     0.0040                                 reference
    loss=focal      3  0.1300     0.0060     +0.0300  .0100      0.0300  worse
    """
    head = ("recipe", "seeds", "HTER", "deviation", "difference", "p", "detectable", "verdict")
    rows = [head]
    for line in ranks:
        compared = ("", "", "")
        if line.verdict != "reference":
            compared = f"{line.difference:+.4f}", p_text(line.p), f"{line.detectable:.4f}"
        own = line.recipe, str(line.seeds), f"{line.hter:.4f}", f"{line.deviation:.4f}"
        rows.append((*own, *compared, line.verdict))
    return text_table(rows, "<6  >5  >6  >9  >10  >5  >10  <9")


def add_recipes(page: Page, ranks: Sequence[RecipeRank]) -> None:
    """Add the table of recipes to a page, if runs are replicates of any."""
    if not ranks:
        return
    page.heading("Recipes, over their seeds")
    page.table(
        [
            *("Recipe", "Seeds", "Mean HTER", "Deviation", "Difference", "its interval", "p"),
            *("Detectable", "Verdict"),
        ],
        [_cells(line) for line in ranks],
        "Runs whose configurations differ by seed only are replicates of one recipe. Deviation: of "
        "their HTERs. Difference: of mean HTER to that of the reference, with its 95 % interval; "
        "its test accounts for chance in the seeds (Welch) and in the images (paired). Detectable: "
        "the difference that is found in 80 % of such comparisons.",
    )


def _cells(line: RecipeRank) -> list[Cell]:
    compared: list[Cell] = [None] * 4
    if line.verdict != "reference":
        interval = f"{line.low:+.4f} to {line.high:+.4f}"
        compared = [line.difference, interval, line.p, line.detectable]
    own: list[Cell] = [line.recipe, line.seeds, line.hter, line.deviation]
    return [*own, *compared, line.verdict]
