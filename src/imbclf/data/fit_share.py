"""A share of a fold's fit part, for a learning curve."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imbclf.data.splits import Fold
from imbclf.utils.arrays import number_groups


def take_fit_share(
    folds: Sequence[Fold],
    labels: NDArray[np.int64],
    groups: ArrayLike | None,
    share: float,
    seed: int,
) -> list[Fold]:
    """Return folds that are fitted to a share of their fit parts; dev and test stay as they are.

    Shares are nested: a larger one has all images of a smaller one and more. Each label keeps its
    share, and groups are whole: groups of label 0 alone, of label 1 alone and of both are taken
    in a random order of each kind, at least one of it, as far as the share reaches.

    Args:
        folds: of N images.
        labels: `[N]`, 0 or 1.
        groups: `[N]`, identifiers of groups, or None.
        share: of the images, above 0 and at most 1.
        seed: of the order.

    >>> fold = Fold(np.arange(80), np.arange(80, 90), np.arange(90, 100))
    >>> labels = np.arange(100) % 8 // 7
    >>> quarter, half = (take_fit_share([fold], labels, None, s, seed=0)[0] for s in (0.25, 0.5))
    >>> len(quarter.fit), int(labels[quarter.fit].sum()), bool(np.isin(quarter.fit, half.fit).all())
    (21, 3, True)
    """
    if share == 1:
        return list(folds)
    group = np.arange(len(labels)) if groups is None else number_groups(groups, labels)
    taken = []
    for number, fold in enumerate(folds):
        rng = np.random.default_rng((seed, number))
        taken.append(replace(fold, fit=_take(fold.fit, labels, group, share, rng)))
    return taken


def _take(
    rows: NDArray[np.int64],
    labels: NDArray[np.int64],
    group: NDArray[np.int64],
    share: float,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return a share of some rows, ascending."""
    names, own = np.unique(group[rows], return_inverse=True)
    sizes, ones = np.bincount(own), np.bincount(own, labels[rows])
    kind = (ones > 0) + 2 * (ones < sizes)
    chosen = np.zeros(len(names), bool)
    for one in np.unique(kind):
        order = rng.permutation(np.flatnonzero(kind == one))
        reached = np.cumsum(sizes[order])
        # A group is in if its middle is: with single images, the share is rounded.
        count = int((reached - sizes[order] / 2 <= share * reached[-1]).sum())
        chosen[order[: max(1, count)]] = True
    return rows[chosen[own]]
