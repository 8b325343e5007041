"""Random subsets of a data set with given class counts; groups are not split."""

import numpy as np
from numpy.typing import NDArray


def draw_stratified(
    labels: NDArray[np.int64],
    wanted: NDArray[np.float64],
    rng: np.random.Generator,
    groups: NDArray[np.int64] | None = None,
) -> NDArray[np.bool_]:
    """Draw about the wanted number of images of each class, at least one and not all.

    Args:
        labels: `[N]`, 0 or 1.
        wanted: `[2]`, number of images of label 0 and label 1.
        rng: random generator.
        groups: `[N]`, group numbers; a group is drawn as a whole, so counts are approximate.

    Returns:
        Whether each image was drawn, bool `[N]`.

    >>> labels, rng = np.array([0, 0, 1, 1, 1]), np.random.default_rng(0)
    >>> drawn = draw_stratified(labels, np.array([1.0, 2.0]), rng)
    >>> int(drawn[:2].sum()), int(drawn[2:].sum())
    (1, 2)
    """
    if groups is not None:
        return _take_groups(labels, groups, wanted, rng.permutation(len(np.unique(groups))))
    drawn = np.zeros(len(labels), bool)
    for label in (0, 1):
        rows = np.flatnonzero(labels == label)
        drawn[rng.choice(rows, _size(wanted[label], len(rows)), replace=False)] = True
    return drawn


def take_stratified(
    labels: NDArray[np.int64],
    wanted: NDArray[np.float64],
    ranks: NDArray[np.uint64],
    groups: NDArray[np.int64] | None = None,
) -> NDArray[np.bool_]:
    """Take about the wanted number of images of each class, those of the lowest ranks.

    Where ranks belong to images, and not to their places, one image more changes little.

    Args:
        labels: `[N]`, 0 or 1.
        wanted: `[2]`, number of images of label 0 and label 1.
        ranks: `[N]`, the same for all images of a group.
        groups: `[N]`, group numbers; a group is taken as a whole, so counts are approximate.

    Returns:
        Whether each image was taken, bool `[N]`; as in `draw_stratified` at least one of each
        class and not all.

    >>> labels, ranks = np.array([0, 0, 1, 1, 1]), np.array([7, 3, 9, 1, 4], dtype=np.uint64)
    >>> take_stratified(labels, np.array([1.0, 2.0]), ranks).tolist()
    [False, True, False, True, True]
    """
    if groups is not None:
        first = np.unique(groups, return_index=True)[1]
        return _take_groups(labels, groups, wanted, np.argsort(ranks[first], kind="stable"))
    taken = np.zeros(len(labels), bool)
    for label in (0, 1):
        rows = np.flatnonzero(labels == label)
        order = rows[np.argsort(ranks[rows], kind="stable")]
        taken[order[: _size(wanted[label], len(rows))]] = True
    return taken


def _size(wanted: float, available: int) -> int:
    """Return the number of images to draw: the one wanted, but at least one and not all."""
    return min(max(1, round(wanted)), available - 1)


def _take_groups(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    wanted: NDArray[np.float64],
    order: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Take groups in the given order, each if it brings the class counts nearer to those wanted.

    If a class is still missing, the group that overshoots least is added.

    Args:
        labels: `[N]`, 0 or 1.
        groups: `[N]`, group numbers.
        wanted: `[2]`, number of images of label 0 and label 1.
        order: places among the sorted group numbers.
    """
    names, group = np.unique(groups, return_inverse=True)
    counts = np.bincount(2 * group + labels, minlength=2 * len(names)).reshape(-1, 2)
    # Python numbers: a loop over many groups is ten times slower on arrays of length two.
    members, (all0, all1), (want0, want1) = counts.tolist(), counts.sum(0).tolist(), wanted.tolist()

    def miss(zeros: int, ones: int) -> float:
        """Return the squared relative distance to `wanted`, infinite if a class is used up."""
        if zeros == all0 or ones == all1:
            return float("inf")
        return float((zeros / want0 - 1) ** 2 + (ones / want1 - 1) ** 2)

    have0, have1, drawn = 0, 0, np.zeros(len(names), bool)
    places = order.tolist()
    # First without overshoot, or the class that lags would add too many images of the other.
    for slack in (1.0, float("inf")):
        for name in places:
            zeros, ones = have0 + members[name][0], have1 + members[name][1]
            fits = zeros <= slack * want0 and ones <= slack * want1
            if fits and not drawn[name] and miss(zeros, ones) < miss(have0, have1):
                have0, have1, drawn[name] = zeros, ones, True
    for label in (0, 1):
        holders = np.flatnonzero(counts[:, label]).tolist()
        if holders and not drawn[holders].any():
            have = counts[drawn].sum(axis=0)
            drawn[min(holders, key=lambda name: miss(*(have + counts[name])))] = True
    return drawn[group]


def balanced_sample(labels: NDArray[np.int64], size: int, seed: int) -> NDArray[np.int64]:
    """Draw at most `size` positions, half of each class if possible: int64, ascending.

    Args:
        labels: `[N]`, 0 or 1.
        size: largest number of positions.
        seed: random seed.

    >>> balanced_sample(np.array([0, 1, 1, 1, 1, 1]), size=3, seed=0).shape
    (3,)
    """
    generator = np.random.default_rng(seed)
    of_class = [generator.permutation(np.flatnonzero(labels == label)) for label in (0, 1)]
    rarer, other = sorted(of_class, key=len)
    chosen = rarer[: size // 2]
    return np.sort(np.concatenate([chosen, other[: size - len(chosen)]]))
