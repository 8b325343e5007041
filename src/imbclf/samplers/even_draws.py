"""Draws that are even: within an epoch and over all of them."""

import math

import numpy as np
from numpy.typing import NDArray


def draw_evenly(
    positions: NDArray[np.int64], count: int, epoch: int, seed: tuple[int, int]
) -> NDArray[np.int64]:
    """Deal `count` of the positions like cards, shuffling anew once all were dealt.

    Within an epoch the numbers of times they are dealt differ by at most one: nothing is dealt
    twice while count <= M. So they do over epochs 0 to any other, all of one count: nothing is
    dealt again before everything was dealt. Any M neighbors in the result are M positions.

    Args:
        positions: int64 [M], each another.
        count: how many, also more than there are.
        epoch: number of the deal, from 0.
        seed: two numbers, 0 or more.

    >>> cards = np.arange(4)
    >>> np.sort([draw_evenly(cards, 2, epoch, seed=(0, 1)) for epoch in (0, 1)], axis=None)
    array([0, 1, 2, 3])
    >>> np.bincount(draw_evenly(cards, 14, epoch=0, seed=(0, 1))).max()
    np.int64(4)
    """
    extra = _deal_some(positions, count % len(positions), epoch, seed)
    random = np.random.default_rng([seed[0], epoch, seed[1], 1])
    others = random.permutation(np.setdiff1d(positions, extra))
    return np.resize(np.concatenate([extra, others]), count)


def _deal_some(
    positions: NDArray[np.int64], count: int, epoch: int, seed: tuple[int, int]
) -> NDArray[np.int64]:
    """Deal fewer cards than there are: in turn, from one shuffled deck after another."""
    if not count:
        return positions[:0]
    number, offset = divmod(epoch * count, len(positions))
    dealt = _deck(positions, count, number, seed)[offset : offset + count]
    if len(dealt) < count:
        following = _deck(positions, count, number + 1, seed)
        dealt = np.concatenate([dealt, following[: count - len(dealt)]])
    return dealt


def _deck(
    positions: NDArray[np.int64], count: int, number: int, seed: tuple[int, int]
) -> NDArray[np.int64]:
    """Shuffle deck `number` so that the epoch it begins in gets no card a second time.

    Those cards of the deck before that the same epoch was dealt come last in it.
    """
    have = len(positions)
    # A deck that begins with an epoch depends on none before it.
    first = number - number % (count // math.gcd(count, have))
    deck = positions
    for one in range(first, number + 1):
        shuffled = np.random.default_rng([seed[0], one, seed[1]]).permutation(positions)
        shared = one * have % count
        late = np.isin(shuffled, deck[have - shared :])
        deck = np.concatenate([shuffled[~late], shuffled[late]])
    return deck
