"""Comparison of recipes: runs that differ by seed only are replicates of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from imbclf.evaluation.comparison import Verdict, adjusted, tests_of, verdict_of
from imbclf.evaluation.finished_run import FinishedRun
from imbclf.evaluation.pairing import pair_images
from imbclf.metrics.power import detectable_difference
from imbclf.metrics.replicates import compare_replicates
from imbclf.metrics.significance import Difference

NOT_IN_RECIPE = ("seed", "tracking")  # sections of a configuration
NOT_IN_DATA = ("cache_dir",)  # options of the section data


@dataclass(frozen=True, eq=False)
class Recipe:
    """Runs whose configurations differ by seed only, one of each seed.

    Attributes:
        name: what the names of the runs have in common, or that of the first.
        runs: the replicates.
    """

    name: str
    runs: tuple[FinishedRun, ...]

    @property
    def images(self) -> frozenset[str]:
        """Return the names of the images that each run tested."""
        return frozenset(self.runs[0].oof.index)

    @property
    def hters(self) -> list[float]:
        """Return the HTER of each run."""
        return [float(run.summary["hter"]) for run in self.runs]

    @property
    def mean(self) -> float:
        """Return the mean HTER."""
        return float(np.mean(self.hters))


@dataclass(frozen=True)
class RecipeRank:
    """A row of a comparison of recipes; `difference` to `detectable` compare with the reference.

    Attributes:
        recipe: its name.
        seeds: number of its runs.
        hter, deviation: mean and standard deviation of their HTERs.
        difference, low, high: in mean HTER on the common images, and its interval.
        p: of `compare_replicates`, adjusted as for runs.
        verdict: the conclusion.
        detectable: the true difference that this test would have found with a power of 80 %; NaN
            for the reference.
    """

    recipe: str
    seeds: int
    hter: float
    deviation: float
    difference: float
    low: float
    high: float
    p: float
    verdict: Verdict
    detectable: float


def find_recipes(runs: Sequence[FinishedRun]) -> list[Recipe]:
    """Return the recipes that were trained with two or more seeds, lowest mean HTER first.

    Replicates tested the same images, which single folds (`cv.fold`) of other seeds did not. Two
    runs of one recipe and one seed are the same training, of which the first counts.
    """
    by_recipe: dict[tuple[str, frozenset[str]], dict[str, FinishedRun]] = {}
    for run in runs:
        if "seed" in run.config:
            key = recipe_text(run), frozenset(run.oof.index)
            by_recipe.setdefault(key, {}).setdefault(str(run.config["seed"]), run)
    found = [tuple(own.values()) for own in by_recipe.values() if len(own) > 1]
    return sorted((Recipe(_name(own), own) for own in found), key=lambda recipe: recipe.mean)


def rank_recipes(runs: Sequence[FinishedRun], reference: str | None = None) -> list[RecipeRank]:
    """Rank recipes by mean HTER and compare each with one of them over their seeds.

    Args:
        runs: with unique names.
        reference: name of a run; that of its recipe, if it has two or more seeds, or else the
            recipe of lowest mean HTER is what others are compared with.

    Returns:
        A row for each recipe of two or more seeds that tested the images of the reference.

    Raises:
        UserError: as `pair_images`.
    """
    recipes = find_recipes(runs)
    if not recipes:
        return []
    named = [one for one in recipes if any(run.name == reference for run in one.runs)]
    base = named[0] if named else recipes[0]
    recipes = [one for one in recipes if one.images == base.images]
    others = [recipe for recipe in recipes if recipe is not base]
    tests = [_test(recipe, base) for recipe in others]
    p_values = adjusted([test.p for test in tests], bool(named))
    count = tests_of(len(tests), bool(named))
    found = {
        id(recipe): (test, p, count)
        for recipe, test, p in zip(others, tests, p_values, strict=True)
    }
    return [_line(recipe, found.get(id(recipe))) for recipe in recipes]


def _test(recipe: Recipe, base: Recipe) -> Difference:
    images = pair_images([*base.runs, *recipe.runs])
    theirs, ours = np.split(images.decisions, [len(base.runs)])
    return compare_replicates(ours, theirs, images.labels, groups=images.groups)


def _line(recipe: Recipe, found: tuple[Difference, float, int] | None) -> RecipeRank:
    difference, p, tests = found or (Difference(0.0, 0.0, 0.0, 1.0), 1.0, 0)
    half_width = (difference.high - difference.low) / 2
    return RecipeRank(
        recipe=recipe.name,
        seeds=len(recipe.runs),
        hter=recipe.mean,
        deviation=float(np.std(recipe.hters, ddof=1)),
        difference=difference.hter,
        low=difference.low,
        high=difference.high,
        p=p,
        verdict=verdict_of(difference.hter, p) if found else "reference",
        detectable=detectable_difference(half_width, tests) if found else nan,
    )


def recipe_text(run: FinishedRun, without: str | None = None) -> str:
    """Return the configuration without what makes no difference to the recipe, as text.

    Args:
        run: the run.
        without: an option of the section `cv` that makes none here.
    """
    kept = {name: part for name, part in run.config.items() if name not in NOT_IN_RECIPE}
    data = kept.get("data") or {}
    if without is not None:
        kept["cv"] = {
            name: part for name, part in (kept.get("cv") or {}).items() if name != without
        }
    kept["data"] = {name: part for name, part in data.items() if name not in NOT_IN_DATA}
    return _canonical(kept)


def _canonical(node: object) -> str:
    """Return plain values as text, the same for any order of keys.

    >>> _canonical({"b": [1, None], 0: "x"}) == _canonical({0: "x", "b": [1, None]})
    True
    """
    if isinstance(node, Mapping):
        pairs = sorted(f"{key!r}: {_canonical(value)}" for key, value in node.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(node, list | tuple):
        return f"[{', '.join(map(_canonical, node))}]"
    return repr(node)


def _name(runs: Sequence[FinishedRun]) -> str:
    """Return the words that the names of replicates have in common, or the first and a number.

    >>> runs = [FinishedRun(f"{seed} loss=bce seed={seed}", {}, None) for seed in (0, 1, 2)]
    >>> _name(runs), _name([FinishedRun("a/s0", {}, None), FinishedRun("a/s1", {}, None)])
    ('loss=bce', 'a/s0 and 1 more')
    """
    first, *others = (run.name.split() for run in runs)
    common = [word for word in first if all(word in other for other in others)]
    return " ".join(common) if common else f"{runs[0].name} and {len(runs) - 1} more"
