"""A part of a data set with the class counts that are wanted; groups stay whole."""

import numpy as np
from numpy.typing import NDArray


def draw_stratified(
    labels: NDArray[np.int64],
    wanted: NDArray[np.float64],
    rng: np.random.Generator,
    groups: NDArray[np.int64] | None = None,
) -> NDArray[np.bool_]:
    """Draw about as many images of each class as wanted, at least one, and not all.

    Args:
        labels: `[N]`, 0 or 1.
        wanted: number of images of label 0 and label 1.
        rng: what is drawn from.
        groups: `[N]`; a group is drawn whole or not at all, so that numbers are only near.

    Returns:
        Whether each image was drawn, `[N]`.

    >>> labels, rng = np.array([0, 0, 1, 1, 1]), np.random.default_rng(0)
    >>> drawn = draw_stratified(labels, np.array([1.0, 2.0]), rng)
    >>> int(drawn[:2].sum()), int(drawn[2:].sum())
    (1, 2)
    """
    if groups is None:
        return _draw_images(labels, wanted, rng)
    return _draw_groups(labels, groups, wanted, rng)


def _draw_images(
    labels: NDArray[np.int64], wanted: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw of each class the wanted number of images, but leave at least one."""
    drawn = np.zeros(len(labels), bool)
    for label in (0, 1):
        rows = np.flatnonzero(labels == label)
        size = min(max(1, round(wanted[label])), len(rows) - 1)
        drawn[rng.choice(rows, size, replace=False)] = True
    return drawn


def _draw_groups(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    wanted: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Draw whole groups, in random order each that brings the class counts nearer to those wanted.

    A class that none of them brought then gets the group that overshoots least.
    """
    names, group = np.unique(groups, return_inverse=True)
    counts = np.bincount(2 * group + labels, minlength=2 * len(names)).reshape(-1, 2)
    # Plain numbers: a loop over many groups is ten times slower through arrays of two.
    members, (all0, all1), (want0, want1) = counts.tolist(), counts.sum(0).tolist(), wanted.tolist()

    def miss(zeros: int, ones: int) -> float:
        """Return the squared relative distance from `wanted`, infinite if fit loses a class."""
        if zeros == all0 or ones == all1:
            return float("inf")
        return float((zeros / want0 - 1) ** 2 + (ones / want1 - 1) ** 2)

    have0, have1, drawn = 0, 0, np.zeros(len(names), bool)
    order = rng.permutation(len(names)).tolist()
    # First without overshoot: else the class that lags drags too much of the other one along.
    for slack in (1.0, float("inf")):
        for name in order:
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
    """Draw positions in labels `[N]`, ascending: `size` at most, half of each class where it can.

    >>> balanced_sample(np.array([0, 1, 1, 1, 1, 1]), size=3, seed=0).shape
    (3,)
    """
    generator = np.random.default_rng(seed)
    of_class = [generator.permutation(np.flatnonzero(labels == label)) for label in (0, 1)]
    rarer, other = sorted(of_class, key=len)
    chosen = rarer[: size // 2]
    return np.sort(np.concatenate([chosen, other[: size - len(chosen)]]))
