"""Which images several runs tested, told by name and pixels, and how each run decided them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.evaluation.finished_run import FinishedRun


@dataclass(frozen=True, eq=False)
class PairedImages:
    """The images that all of some runs tested.

    Attributes:
        labels: int64 `[N]`.
        decisions: float64 `[runs, N]`, over repeated folds the mean of an image.
        groups: `[N]`, which images depend on each other; None where that is not known.
    """

    labels: NDArray[np.int64]
    decisions: NDArray[np.float64]
    groups: NDArray[np.str_] | None


def pair_images(runs: Sequence[FinishedRun]) -> PairedImages:
    """Return the common images of runs: those of the same name and, if that is known, pixels.

    Raises:
        UserError: the runs share no images of both classes, or disagree about labels.
    """
    tables = [_by_image(run) for run in runs]
    common = tables[0].index
    for table in tables[1:]:
        common = common.intersection(table.index)
    base, named = runs[0], len(common)
    for run in runs[1:]:
        common = common[~differ(run, base, common)]
    who = f"{runs[1].name} and {base.name}" if len(runs) == 2 else "these runs"
    if named and not len(common):
        raise UserError(
            f"{who} share the names of {named:,} images, but the pixels of none: they tested other "
            "images (or decoded them with other versions of Pillow). Nothing can be compared"
        )
    tables = [table.loc[common] for table in tables]
    labels = tables[0]["label"].to_numpy(np.float64)
    disagree = int(sum((table["label"].to_numpy() != labels) for table in tables[1:]).sum())
    if disagree:
        raise UserError(
            f"{who} disagree about the labels of {disagree} images, so that their errors are not "
            "comparable. Train both on the same label file"
        )
    if len(np.unique(labels)) < 2:
        raise UserError(f"{who} tested no common images of both classes; nothing can be compared")
    groups = next((one["group"] for one in tables if "group" in one), None)
    return PairedImages(
        labels.astype(np.int64),
        np.stack([table["decision"].to_numpy(np.float64) for table in tables]),
        None if groups is None else groups.to_numpy(str),
    )


def differ(run: FinishedRun, other: FinishedRun, names: pd.Index) -> NDArray[np.bool_]:
    """Return which of the images `[N]` have other pixels in one run than in the other.

    None, where a run does not know its images' digests or decoded them in another way.
    """
    if not is_told(run, other):
        return np.zeros(len(names), dtype=bool)
    assert run.digests is not None
    assert other.digests is not None
    ours, theirs = run.digests.reindex(names), other.digests.reindex(names)
    known = ours.notna() & theirs.notna()
    return np.asarray(known & (ours != theirs), dtype=bool)


def is_told(run: FinishedRun, other: FinishedRun) -> bool:
    """Whether it can be told from digests if two runs tested the same images."""
    if run.digests is None or other.digests is None:
        return False
    return run.decoding is not None and run.decoding == other.decoding


def same_folds(run: FinishedRun, other: FinishedRun) -> bool:
    """Whether two runs tested the same images in the same folds."""
    ours, theirs = (one.oof.set_index("fold", append=True).index for one in (run, other))
    if len(ours) != len(theirs) or len(ours.symmetric_difference(theirs)):
        return False
    return not differ(run, other, run.oof.index.unique()).any()


def _by_image(run: FinishedRun) -> pd.DataFrame:
    """Return label, group if there is one and, over repeats the mean, decision of each image."""
    images = run.oof.groupby(level=0, sort=False)
    found = images[["label", "decision"]].mean()
    return found.assign(group=images["group"].first()) if "group" in run.oof else found
