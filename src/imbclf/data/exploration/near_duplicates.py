"""Pairs of images that look match_pairs, among many, without comparing each with each."""

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

BITS = 10  # of 64 in which the hashes of two images may differ
CELL = 200  # images that belong to a cell by right
PLACES = 8  # cells that each image is put into
COMPARISONS = 1 << 22  # at once
CANDIDATES = 1 << 15  # that are looked at together
FEW = 6  # candidates of each kind that an image may bring at once
CROWD = 20  # images of a group, up to which all its pairs are listed


class Pairs(NamedTuple):
    """Pairs of images, `[P]` each.

    Attributes:
        first, second: their indices, first < second, in rising order.
        similarity: the correlation of edges that `similarity.match_pairs` reached.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    similarity: NDArray[np.float64]


def crop_windows() -> list[Window]:
    """Return the windows whose hashes stand for cut-outs: whole, 93 % in 4 and 86 % in 9 places."""
    found: list[Window] = []
    for places, side in ((1, SIDE), (2, 0.93 * SIDE), (3, 0.86 * SIDE)):
        corners = np.linspace(0, SIDE - side, places).tolist()
        found += [(top, left, side) for top in corners for left in corners]
    return found


def near_pairs(thumbs: NDArray[np.uint8], threads: int = 1, seed: int = 0) -> Pairs:
    """Find the pairs of thumbnails, uint8 `[N, 32, 32]`, that show the same picture.

    Images are sorted into cells: each into the 8 whose center, a random image, it resembles most
    by its low frequencies. The hash of an image and of 14 windows of it is compared with the
    hashes of those in the cell that it resembles most, and what differs in at most 10 bits is
    looked at by `similarity.match_pairs`. The number of comparisons grows a little faster than N, memory
    as N. In a group of more than 20 images not every pair is listed, but enough to hold it
    together; what is near is a matter of chance only in so far as a pair may share no cell.
    """
    codes = perceptual_hashes(thumbs)
    starts = np.array(crop_windows())
    label = np.arange(len(thumbs))
    found = _no_pairs()
    for candidates in _gathered(_candidates(thumbs, codes, threads, seed)):
        one, two, window = candidates
        crowded = np.bincount(label, minlength=len(label))[label[one]] > CROWD
        open_ = ~((label[one] == label[two]) & crowded)
        one, two, window = one[open_], two[open_], window[open_]
        same, similarity = match_pairs(thumbs, one, two, starts[window], threads)
        low, high = np.minimum(one, two), np.maximum(one, two)
        found = _once(
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
    """Number the groups into which pairs join `count` things, `[count]`.

    >>> connected_groups(4, np.array([0]), np.array([2])).tolist()
    [0, 1, 0, 2]
    """
    links = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], np.int64)


Candidates = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def _candidates(
    thumbs: NDArray[np.uint8], codes: NDArray[np.uint64], threads: int, seed: int
) -> Iterator[Candidates]:
    """Give, cell by cell, pairs (image, other, window of the image) with near hashes."""
    count = len(thumbs)
    whole = _directions(window_spectra(thumbs, (0, 0, SIDE)))
    cells = max(1, count // CELL)
    centers = whole[np.random.default_rng(seed).choice(count, cells, replace=False)]
    members = _by_cell(_nearest(whole, centers, min(PLACES, cells)), cells)
    hashes, homes = [], []
    for window in crop_windows():
        spectra = window_spectra(thumbs, window)
        hashes.append(hash_bits(spectra))
        homes.append(_nearest(_directions(spectra), centers, 1)[:, 0])
    hashes[0] = codes
    askers = _by_cell(np.concatenate(homes)[:, None], cells)
    asked = np.concatenate(hashes)

    def compare(cell: int) -> list[Candidates]:
        inside, parts = members[cell], []
        rows = max(1, COMPARISONS // max(1, len(inside)))
        for start in range(0, len(askers[cell]), rows):
            asking = askers[cell][start : start + rows]
            bits = np.bitwise_count(asked[asking][:, None] ^ codes[inside])
            near = np.flatnonzero(bits <= BITS)
            place, other = np.divmod(near, len(inside))
            window, image = np.divmod(asking[place], count)
            parts.append(_closest(image, inside[other], window, bits.ravel()[near], count))
        return parts

    with ThreadPoolExecutor(threads) as pool:
        compared = pool.map(compare, range(cells))
        for parts in tqdm(compared, "Comparing", cells, unit=" cells", disable=None):
            yield from parts


def _directions(spectra: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return spectra without brightness and contrast as vectors of length 1, `[N, 63]`."""
    flat = spectra.reshape(len(spectra), -1)[:, 1:]
    norms = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(norms, 1e-6), np.float32)


def _nearest(
    vectors: NDArray[np.float32], centers: NDArray[np.float32], places: int
) -> NDArray[np.int64]:
    """Return for each vector the `places` centers that it resembles most, `[N, places]`."""
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


def _by_cell(cells_of: NDArray[np.int64], cells: int) -> list[NDArray[np.int64]]:
    """Turn the cells of each thing, `[N, places]`, into the things of each cell."""
    flat = cells_of.ravel()
    order = np.argsort(flat, kind="stable")
    ends = np.cumsum(np.bincount(flat, minlength=cells))
    return np.split(order // cells_of.shape[1], ends[:-1])


def _closest(
    image: NDArray[np.int64],
    other: NDArray[np.int64],
    window: NDArray[np.int64],
    bits: NDArray[np.uint8],
    count: int,
) -> Candidates:
    """Keep of each pair the nearest window, and of each image some pairs: nearest and at random.

    The nearest alone would leave a crowd in pieces, each of images that are nearest to each other.
    """
    pair = image * count + other
    order = np.lexsort((bits, pair))
    order = order[image[order] != other[order]]
    order = order[np.diff(pair[order], prepend=-1) != 0]
    mixed = pair[order].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # multiplicative hashing
    near, chance = (_leading(image[order], key) for key in (bits[order], mixed))
    kept = order[near | chance]
    return image[kept], other[kept], window[kept]


def _leading(image: NDArray[np.int64], key: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.bool_]:
    """Return which of an image's entries have its lowest keys."""
    order = np.lexsort((key, image))
    ordered = image[order]
    leading = np.empty(len(image), np.bool_)
    leading[order] = np.arange(len(image)) - np.searchsorted(ordered, ordered) < FEW
    return leading


def _gathered(parts: Iterator[Candidates]) -> Iterator[Candidates]:
    """Join parts until there are enough to be worth a look."""
    held: list[Candidates] = []
    for part in parts:
        held.append(part)
        if sum(len(one[0]) for one in held) >= CANDIDATES:
            yield tuple(map(np.concatenate, zip(*held, strict=True)))  # type: ignore[misc]
            held = []
    if held:
        yield tuple(map(np.concatenate, zip(*held, strict=True)))  # type: ignore[misc]


def _no_pairs() -> Pairs:
    empty = np.zeros(0, np.int64)
    return Pairs(empty, empty, np.zeros(0))


def _once(pairs: Pairs) -> Pairs:
    """Sort pairs and keep of each the one that is most match_pairs."""
    order = np.lexsort((-pairs.similarity, pairs.second, pairs.first))
    first, second = pairs.first[order], pairs.second[order]
    kept = (np.diff(first, prepend=-1) != 0) | (np.diff(second, prepend=-1) != 0)
    return Pairs(first[kept], second[kept], pairs.similarity[order][kept])
