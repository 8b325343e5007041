"""Near duplicates among many images, without comparing every pair."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from tqdm import tqdm

from imbclf.data.exploration.image_matching import match_pairs
from imbclf.data.exploration.perceptual_hash import (
    SIDE,
    Window,
    hash_bits,
    perceptual_hashes,
    window_spectra,
)

BITS = 10  # largest Hamming distance of two hashes, of 64 bits
CELL = 200  # average number of images for each cell center
PLACES = 8  # cells that each image belongs to
COMPARISONS = 1 << 22  # hash comparisons per step
CANDIDATES = 1 << 15  # pairs matched per step
FEW = 6  # candidate pairs of each kind kept per image and step
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


def crop_windows() -> list[Window]:
    """Return the windows hashed for crops: the whole, 93 % in 4 places, 86 % in 9 places."""
    found: list[Window] = []
    for places, side in ((1, SIDE), (2, 0.93 * SIDE), (3, 0.86 * SIDE)):
        corners = np.linspace(0, SIDE - side, places).tolist()
        found += [(top, left, side) for top in corners for left in corners]
    return found


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
    label = np.arange(len(thumbs))
    found = _no_pairs()
    for candidates in _batched(_candidates(thumbs, codes, threads, seed)):
        one, two, window = candidates
        crowded = np.bincount(label, minlength=len(label))[label[one]] > CROWD
        open_ = ~((label[one] == label[two]) & crowded)
        one, two, window = one[open_], two[open_], window[open_]
        same, similarity = match_pairs(thumbs, one, two, starts[window], threads)
        low, high = np.minimum(one, two), np.maximum(one, two)
        found = _unique_pairs(
            Pairs(
                np.concatenate([found.first, low[same]]),
                np.concatenate([found.second, high[same]]),
                np.concatenate([found.similarity, similarity[same].astype(np.float64)]),
            )
        )
        label = connected_groups(len(thumbs), found.first, found.second)
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


Candidates = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def _candidates(
    thumbs: NDArray[np.uint8], codes: NDArray[np.uint64], threads: int, seed: int
) -> Iterator[Candidates]:
    """Yield, cell by cell, pairs (image, other, window of the image) with similar hashes."""
    count = len(thumbs)
    whole = _unit_vectors(window_spectra(thumbs, (0, 0, SIDE)))
    cells = max(1, count // CELL)
    centers = whole[np.random.default_rng(seed).choice(count, cells, replace=False)]
    members = _members_of_cells(_nearest_centers(whole, centers, min(PLACES, cells)), cells)
    hashes, nearest_cells = [], []
    for window in crop_windows():
        spectra = window_spectra(thumbs, window)
        hashes.append(hash_bits(spectra))
        nearest_cells.append(_nearest_centers(_unit_vectors(spectra), centers, 1)[:, 0])
    hashes[0] = codes
    queries = _members_of_cells(np.concatenate(nearest_cells)[:, None], cells)
    query_codes = np.concatenate(hashes)

    def compare(cell: int) -> list[Candidates]:
        inside, parts = members[cell], []
        rows = max(1, COMPARISONS // max(1, len(inside)))
        for start in range(0, len(queries[cell]), rows):
            chunk = queries[cell][start : start + rows]
            bits = np.bitwise_count(query_codes[chunk][:, None] ^ codes[inside])
            near = np.flatnonzero(bits <= BITS)
            place, other = np.divmod(near, len(inside))
            window, image = np.divmod(chunk[place], count)
            parts.append(
                _select_candidates(image, inside[other], window, bits.ravel()[near], count)
            )
        return parts

    with ThreadPoolExecutor(threads) as pool:
        compared = pool.map(compare, range(cells))
        for parts in tqdm(compared, "Comparing", cells, unit=" cells", disable=None):
            yield from parts


def _unit_vectors(spectra: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return spectra, without brightness and contrast, as unit vectors `[N, 63]`."""
    flat = spectra.reshape(len(spectra), -1)[:, 1:]
    norms = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(norms, 1e-6), np.float32)


def _nearest_centers(
    vectors: NDArray[np.float32], centers: NDArray[np.float32], places: int
) -> NDArray[np.int64]:
    """Return the `places` nearest centers of each vector, `[N, places]`."""
    found = np.empty((len(vectors), places), np.int64)
    rows = max(1, COMPARISONS // len(centers))
    for start in range(0, len(vectors), rows):
        products = vectors[start : start + rows] @ centers.T
        best = (
            products.argmax(axis=1)[:, None]
            if places == 1
            else np.argpartition(-products, places - 1, axis=1)[:, :places]
        )
        found[start : start + rows] = best
    return found


def _members_of_cells(cells_of: NDArray[np.int64], cells: int) -> list[NDArray[np.int64]]:
    """Return the members of each cell, given the cells of each item, `[N, places]`."""
    flat = cells_of.ravel()
    order = np.argsort(flat, kind="stable")
    ends = np.cumsum(np.bincount(flat, minlength=cells))
    return np.split(order // cells_of.shape[1], ends[:-1])


def _select_candidates(
    image: NDArray[np.int64],
    other: NDArray[np.int64],
    window: NDArray[np.int64],
    bits: NDArray[np.uint8],
    count: int,
) -> Candidates:
    """Return the nearest window of each pair, and a few pairs per image: nearest and random ones.

    The nearest ones alone would split a large group into pieces of mutual nearest neighbors.
    """
    pair = image * count + other
    order = np.lexsort((bits, pair))
    order = order[image[order] != other[order]]
    order = order[np.diff(pair[order], prepend=-1) != 0]
    mixed = pair[order].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # multiplicative hashing
    near, chance = (_smallest_keys(image[order], key) for key in (bits[order], mixed))
    kept = order[near | chance]
    return image[kept], other[kept], window[kept]


def _smallest_keys(
    image: NDArray[np.int64], key: NDArray[np.unsignedinteger[Any]]
) -> NDArray[np.bool_]:
    """Return which entries are among the `FEW` smallest keys of their image."""
    order = np.lexsort((key, image))
    ordered = image[order]
    selected = np.empty(len(image), np.bool_)
    selected[order] = np.arange(len(image)) - np.searchsorted(ordered, ordered) < FEW
    return selected


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
