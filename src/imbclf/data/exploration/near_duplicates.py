"""Near duplicates among many images, without comparing every pair."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from imbclf.data.exploration.candidate_pairs import Candidates, candidate_pairs, crop_windows
from imbclf.data.exploration.image_matching import match_pairs
from imbclf.data.exploration.perceptual_hash import perceptual_hashes

CANDIDATES = 1 << 15  # pairs matched per step
CROWD = 20  # size of a group up to which all of its pairs are listed


class Pairs(NamedTuple):
    """Pairs of images, `[P]` each.

    Attributes:
        first, second: indices of the images, first < second, sorted.
        similarity: correlation of edges, from `match_pairs`.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    similarity: NDArray[np.float64]


def near_pairs(thumbs: NDArray[np.uint8], threads: int = 1, seed: int = 0) -> Pairs:
    """Return the pairs of thumbnails that show the same picture.

    Each image belongs to the 8 cells whose center, a random image, has the most similar low
    frequencies. The hash of each image, and of 13 crops of it, is compared with the hashes in its
    nearest cell; pairs that differ in at most 10 of 64 bits are verified by `match_pairs`. The
    number of comparisons grows slightly faster than N, memory grows as N. Of a group of more than
    20 images, only enough pairs to connect it are listed. A pair is missed if its images share no
    cell, which depends on the random centers.

    Args:
        thumbs: uint8 `[N, 32, 32]`.
        threads: number of threads.
        seed: seed of the cell centers.
    """
    codes = perceptual_hashes(thumbs)
    starts = np.array(crop_windows())
    group = np.arange(len(thumbs))
    found = _no_pairs()
    for candidates in _batched(candidate_pairs(thumbs, codes, threads, seed)):
        one, two, window = candidates
        crowded = np.bincount(group, minlength=len(group))[group[one]] > CROWD
        kept = ~((group[one] == group[two]) & crowded)
        one, two, window = one[kept], two[kept], window[kept]
        same, similarity = match_pairs(thumbs, one, two, starts[window], threads)
        low, high = np.minimum(one, two), np.maximum(one, two)
        found = _unique_pairs(
            Pairs(
                np.concatenate([found.first, low[same]]),
                np.concatenate([found.second, high[same]]),
                np.concatenate([found.similarity, similarity[same].astype(np.float64)]),
            )
        )
        group = connected_groups(len(thumbs), found.first, found.second)
    return found


def connected_groups(
    count: int, first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the number of each item's connected component, int64 `[count]`.

    Args:
        count: number of items.
        first: `[P]`, one end of each link.
        second: `[P]`, the other end.

    >>> connected_groups(4, np.array([0]), np.array([2])).tolist()
    [0, 1, 0, 2]
    """
    links = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], np.int64)


def _batched(parts: Iterator[Candidates]) -> Iterator[Candidates]:
    """Yield the parts concatenated to at least `CANDIDATES` pairs."""
    batch: list[Candidates] = []
    for part in parts:
        batch.append(part)
        if sum(len(one[0]) for one in batch) >= CANDIDATES:
            yield tuple(map(np.concatenate, zip(*batch, strict=True)))  # type: ignore[misc]
            batch = []
    if batch:
        yield tuple(map(np.concatenate, zip(*batch, strict=True)))  # type: ignore[misc]


def _no_pairs() -> Pairs:
    empty = np.zeros(0, np.int64)
    return Pairs(empty, empty, np.zeros(0))


def _unique_pairs(pairs: Pairs) -> Pairs:
    """Return the pairs sorted, and of repeated ones the one of highest similarity."""
    order = np.lexsort((-pairs.similarity, pairs.second, pairs.first))
    first, second = pairs.first[order], pairs.second[order]
    kept = (np.diff(first, prepend=-1) != 0) | (np.diff(second, prepend=-1) != 0)
    return Pairs(first[kept], second[kept], pairs.similarity[order][kept])
