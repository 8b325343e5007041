"""Sentences on what limits a comparison of runs."""

from collections.abc import Sequence

from imbclf.evaluation.comparison import Rank
from imbclf.evaluation.finished_run import FinishedRun
from imbclf.evaluation.pairing import differ, is_told, same_folds
from imbclf.evaluation.recipes import RecipeRank


def remarks(
    runs: Sequence[FinishedRun], ranks: Sequence[Rank], recipes: Sequence[RecipeRank] = ()
) -> list[str]:
    """Return sentences on what limits a comparison.

    Args:
        runs: that were compared.
        ranks: the result (`rank`).
        recipes: the result over seeds (`rank_recipes`).
    """
    sentences = [*_on_images(runs)]
    if any("group" in run.oof for run in runs):
        sentences.append(
            "Images of one group are not independent: p and intervals go by whole groups."
        )
    if len(runs) > 2:
        sentences.append(
            f"The lowest of {len(runs)} HTERs is an optimistic estimate, since it was selected. "
            "Evaluate the selected run on images that took no part: data.holdout=0.2 keeps some "
            "out of every run, and imbclf-evaluate tests them once."
        )
    sentences.append(_on_recipes(recipes))
    alike = [line for line in ranks if line.verdict == "no evidence"]
    if alike:
        detectable = max(line.detectable for line in alike)
        which = "the other" if len(runs) == 2 else f"{len(alike)} of the others"
        sentences.append(
            f"No evidence is not equality: {which} may be better or worse by as much as the "
            "interval of the difference says. True differences below about "
            f"{detectable:.4f} in HTER are mostly missed with these images (column detectable: the "
            "difference that is found in 80 % of such comparisons)."
        )
    return sentences


def _on_images(runs: Sequence[FinishedRun]) -> list[str]:
    """Return sentences on images that the runs do not share, or may not share."""
    sentences = []
    sets = [frozenset(run.oof.index) for run in runs]
    if len(set(sets)) > 1:
        common = frozenset.intersection(*sets)
        sentences.append(
            f"Not all runs tested the same images ({len(common)} are common to all): each HTER is "
            "over all images of its run, differences and p over the images that two runs share."
        )
    elif not all(same_folds(run, runs[0]) for run in runs[1:]):
        sentences.append(
            "The runs divided the images into other folds (seed, cv.folds or groups differ): "
            "differences hold for the images, but not for fold after fold."
        )
    for run in runs[1:]:
        common_names = run.oof.index.unique().intersection(runs[0].oof.index.unique())
        others = int(differ(run, runs[0], common_names).sum())
        if others:
            sentences.append(
                f"{others:,} images that {run.name} and {runs[0].name} share by name have other "
                "pixels in each: they are other images, and are not compared."
            )
    folders = sorted({run.data_dir for run in runs if run.data_dir is not None})
    if len(folders) > 1 and not all(is_told(run, runs[0]) for run in runs[1:]):
        sentences.append(
            f"The runs name several data folders ({', '.join(folders)}), and their images are not "
            "known by digests of one size: images of the same file name are taken for the same "
            "image. If they are not, nothing here can be compared."
        )
    return sentences


def _on_recipes(recipes: Sequence[RecipeRank]) -> str:
    """Return what better and worse are said of."""
    if not recipes:
        return (
            "Better and worse are said of these trained models on these images: another seed of "
            "the same recipe may differ as much. To compare recipes, train each with several seeds "
            "(imbclf-train -m seed=0,1,2 ...): runs that differ by seed only are compared as "
            "replicates of one recipe."
        )
    return (
        "In the table of runs, better and worse are said of these trained models on these images. "
        "In that of recipes they are said of the recipes: the test accounts for chance in the "
        "seeds and in the images. Of a few seeds only large differences are found: 5 or more are "
        "worth training."
    )
