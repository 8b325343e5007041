"""Even draws: within an epoch and over epochs."""

import math

import numpy as np
from numpy.typing import NDArray


def draw_evenly(
    positions: NDArray[np.int64], count: int, epoch: int, seed: tuple[int, int]
) -> NDArray[np.int64]:
    """Draw `count` positions so that numbers of draws differ by at most one.

    This holds within an epoch (no position is drawn twice if count <= M), and over epochs 0 to any
    other, with the same count (no position is drawn again before all have been drawn). Any M
    consecutive draws of an epoch are distinct.

    Args:
        positions: int64 `[M]`, distinct.
        count: number of draws, possibly more than M.
        epoch: number of the epoch, from 0.
        seed: two numbers, 0 or more.

    Returns:
        int64 `[count]`.

    >>> positions = np.arange(4)
    >>> np.sort([draw_evenly(positions, 2, epoch, seed=(0, 1)) for epoch in (0, 1)], axis=None)
    array([0, 1, 2, 3])
    >>> np.bincount(draw_evenly(positions, 14, epoch=0, seed=(0, 1))).max()
    np.int64(4)
    """
    extra = _draw_some(positions, count % len(positions), epoch, seed)
    random = np.random.default_rng([seed[0], epoch, seed[1], 1])
    others = random.permutation(np.setdiff1d(positions, extra))
    return np.resize(np.concatenate([extra, others]), count)


def _draw_some(
    positions: NDArray[np.int64], count: int, epoch: int, seed: tuple[int, int]
) -> NDArray[np.int64]:
    """Draw fewer positions than there are, from consecutive permutations of them."""
    if not count:
        return positions[:0]
    number, offset = divmod(epoch * count, len(positions))
    drawn = _permutation(positions, count, number, seed)[offset : offset + count]
    if len(drawn) < count:
        following = _permutation(positions, count, number + 1, seed)
        drawn = np.concatenate([drawn, following[: count - len(drawn)]])
    return drawn


def _permutation(
    positions: NDArray[np.int64], count: int, number: int, seed: tuple[int, int]
) -> NDArray[np.int64]:
    """Return permutation `number`, such that the epoch it starts in has no position twice.

    Positions that this epoch drew from the end of the previous permutation come last.
    """
    size = len(positions)
    # A permutation that starts with an epoch does not depend on previous ones.
    first = number - number % (count // math.gcd(count, size))
    permutation = positions
    for one in range(first, number + 1):
        shuffled = np.random.default_rng([seed[0], one, seed[1]]).permutation(positions)
        shared = one * size % count
        late = np.isin(shuffled, permutation[size - shared :])
        permutation = np.concatenate([shuffled[~late], shuffled[late]])
    return permutation
