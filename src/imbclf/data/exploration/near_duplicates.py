"""Near duplicates among many images, without comparing every pair."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imbclf.data.exploration.background import common_patterns, residual_correlation
from imbclf.data.exploration.candidate_pairs import candidate_pairs, crop_windows
from imbclf.data.exploration.gray_images import GrayImages
from imbclf.data.exploration.groups import connected_groups
from imbclf.data.exploration.image_matching import match_pairs

LIKENESS = 0.85  # default of the least likeness of a pair
CROWD = 20  # size of a group up to which all of its pairs are listed
BLOCK = 1024  # pairs compared with the background per step


class Pairs(NamedTuple):
    """Pairs of images, `[P]` each.

    Attributes:
        first, second: indices of the images, first < second, sorted.
        similarity: correlation of the images without what the set has in common.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    similarity: NDArray[np.float64]


def near_pairs(
    images: GrayImages, threads: int = 1, likeness: float = LIKENESS, seed: int = 0
) -> Pairs:
    """Return the pairs of images that are more alike than the set's images are anyway.

    Each image belongs to the 8 cells whose center, a random image, has the most similar low
    frequencies. The hash of each image, and of 25 crops of it, is compared with the hashes in its
    nearest cell; pairs that differ in at most 14 of 63 bits are verified by `match_pairs`, and
    then without the patterns that many images of the set share (`background`). The number of
    comparisons grows slightly faster than N, memory grows as N. Of more than 20 images
    that are very much alike, only enough pairs to connect them are listed. A pair is missed if
    its images share no cell, which depends on the random centers.

    Args:
        images: `N` images.
        threads: number of threads.
        likeness: least correlation without the common patterns, 0 to 1.
        seed: seed of the cell centers.
    """
    patterns = common_patterns(images.thumbs, images.details, images.pixels, seed)
    starts = np.array(crop_windows())
    group = np.arange(len(images))
    found = _no_pairs()
    for one, two, window in candidate_pairs(images.thumbs, threads, seed):
        crowded = np.bincount(group, minlength=len(group))[group[one]] > CROWD
        kept = ~((group[one] == group[two]) & crowded)
        one, two, window = one[kept], two[kept], window[kept]
        same, windows = match_pairs(images.thumbs, one, two, starts[window], threads)
        one, two, windows = one[same], two[same], windows[same]
        reached = _residual_likeness(images, one, two, windows, patterns)
        alike = reached >= likeness
        low, high = np.minimum(one, two)[alike], np.maximum(one, two)[alike]
        parts = zip(found, (low, high, reached[alike]), strict=True)
        found = _unique_pairs(Pairs(*map(np.concatenate, parts)))
        strong = found.similarity >= (1 + likeness) / 2
        group = connected_groups(len(images), found.first[strong], found.second[strong])
    return found


def _residual_likeness(
    images: GrayImages,
    one: NDArray[np.int64],
    two: NDArray[np.int64],
    windows: NDArray[np.float64],
    patterns: NDArray[np.float32],
) -> NDArray[np.float64]:
    parts = [np.zeros(0)]
    for start in range(0, len(one), BLOCK):
        part = slice(start, start + BLOCK)
        inside, whole = images.details(one[part]), images.details(two[part])
        reached = residual_correlation(inside, whole, windows[part], patterns)
        parts.append(reached.astype(np.float64))
    return np.concatenate(parts)


def _no_pairs() -> Pairs:
    empty = np.zeros(0, np.int64)
    return Pairs(empty, empty, np.zeros(0))


def _unique_pairs(pairs: Pairs) -> Pairs:
    """Return the pairs sorted, and of repeated ones the one of highest similarity."""
    order = np.lexsort((-pairs.similarity, pairs.second, pairs.first))
    first, second = pairs.first[order], pairs.second[order]
    kept = (np.diff(first, prepend=-1) != 0) | (np.diff(second, prepend=-1) != 0)
    return Pairs(first[kept], second[kept], pairs.similarity[order][kept])
