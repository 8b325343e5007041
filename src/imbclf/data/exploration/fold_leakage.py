"""How many duplicates random folds split between their parts."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imbclf.data.exploration.duplicates import (
    Duplicates,
    duplicate_groups,
    split_across_folds,
)
from imbclf.data.listing import Listing
from imbclf.data.splits import Fold, stratified_folds
from imbclf.errors import UserError

logger = logging.getLogger("imbclf")


@dataclass(frozen=True, eq=False)
class FoldLeakage:
    """Number of duplicates that folds split between fit, dev and test.

    Attributes:
        folds: number of folds.
        split_pairs: pairs whose images are in different parts of a fold.
        affected_images: images tested in another fold than one of their duplicates.
        split_pairs_with_groups: `split_pairs` if duplicates share a group; None if not measured.
    """

    folds: int
    split_pairs: int
    affected_images: int
    split_pairs_with_groups: int | None


def measure_fold_leakage(
    listing: Listing,
    pairs: Duplicates,
    groups: NDArray[np.int64],
    folds: int,
    seed: int,
    try_groups: bool,
) -> FoldLeakage | None:
    """Return how many pairs the folds of `imbclf-train` would split; None if there are none.

    Args:
        listing: `N` labeled images.
        pairs: duplicates among them.
        groups: `[N]`, group numbers that keep duplicates together.
        folds: number of folds.
        seed: seed of the folds.
        try_groups: whether to measure folds with `groups` too.
    """
    labels = listing.known_labels
    try:
        drawn = stratified_folds(labels, folds, seed, listing.groups)
        grouped = stratified_folds(labels, folds, seed, groups) if try_groups else None
    except UserError as error:
        logger.warning("Duplicates are not checked against folds: %s", error)
        return None
    test_fold = np.empty(len(listing), np.int64)
    for number, fold in enumerate(drawn):
        test_fold[fold.test] = number
    group = duplicate_groups(len(listing), pairs)
    least, most = np.full(len(listing), folds), np.full(len(listing), -1)
    np.minimum.at(least, group, test_fold)
    np.maximum.at(most, group, test_fold)
    return FoldLeakage(
        folds=folds,
        split_pairs=_count_split(drawn, pairs),
        affected_images=int((least < most)[group].sum()),
        split_pairs_with_groups=None if grouped is None else _count_split(grouped, pairs),
    )


def _count_split(folds: Sequence[Fold], pairs: Duplicates) -> int:
    return int(split_across_folds(folds, pairs).sum())
