"""Candidate pairs of near duplicates, by hashes within cells of similar images.

The hash is that of whitened spectra: what all images of a set share takes no bits of it.
"""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from imbclf.data.exploration.perceptual_hash import SIDE, Window, hash_bits
from imbclf.data.exploration.whitening import scaled, spectral_vectors, whitening

BITS = 14  # largest Hamming distance of two hashes, of 63 bits
CELL = 200  # average number of images for each cell center
PLACES = 8  # cells that each image belongs to
WINDOWS = 2  # of each pair that are tried at most
SPECTRAL = 0.6  # least correlation of whitened low frequencies
CANDIDATES = 1 << 15  # pairs per batch
COMPARISONS = 1 << 22  # hash comparisons per step
FEW = 6  # candidate pairs of each kind kept per image and step

Floats = NDArray[np.float32]
Candidates = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def crop_windows() -> list[Window]:
    """Return the windows hashed for crops: the whole, 95 % in 9 places, 89 % in 16 places."""
    found: list[Window] = []
    for places, side in ((1, SIDE), (3, 0.95 * SIDE), (4, 0.89 * SIDE)):
        corners = np.linspace(0, SIDE - side, places).tolist()
        found += [(top, left, side) for top in corners for left in corners]
    return found


def candidate_pairs(thumbs: NDArray[np.uint8], threads: int, seed: int) -> Iterator[Candidates]:
    """Yield batches of pairs (image, other, window of the image) of similar low frequencies."""
    count = len(thumbs)
    plain = spectral_vectors(thumbs, (0, 0, SIDE))
    whiten = whitening(plain)
    whole = scaled(plain @ whiten)
    cells = max(1, count // CELL)
    centers = whole[np.random.default_rng(seed).choice(count, cells, replace=False)]
    members = _members_of_cells(_nearest_centers(whole, centers, min(PLACES, cells)), cells)
    hashes, nearest_cells = [], []
    for window in crop_windows():
        white = spectral_vectors(thumbs, window) @ whiten
        hashes.append(hash_bits(white))
        nearest_cells.append(_nearest_centers(white, centers, 1)[:, 0])
    codes = hashes[0]
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
        progress = tqdm(compared, "Comparing", cells, unit=" cells", disable=None)
        for batch in _batched(itertools.chain.from_iterable(progress)):
            kept = _best_windows(batch, _spectral_likeness(thumbs, batch, whole, whiten), count)
            image, other, place = batch
            yield image[kept], other[kept], place[kept]


def _spectral_likeness(
    thumbs: NDArray[np.uint8], batch: Candidates, whole: Floats, whiten: Floats
) -> Floats:
    """Return the correlation of whitened low frequencies of each pair, a better measure than bits.

    Args:
        thumbs: `[N, 32, 32]`.
        batch: the pairs.
        whole: `[N, 63]`, whitened unit vectors of the whole images.
        whiten: `[63, 63]`.
    """
    image, other, window = batch
    found = np.empty(len(image), np.float32)
    for number, place in enumerate(crop_windows()):
        rows = np.flatnonzero(window == number)
        white = scaled(spectral_vectors(thumbs[image[rows]], place) @ whiten)
        found[rows] = np.einsum("ij,ij->i", white, whole[other[rows]])
    return found


def _best_windows(batch: Candidates, likeness: Floats, count: int) -> NDArray[np.int64]:
    """Return the places of the likeliest windows of each pair, whichever image they are cut of."""
    image, other, _ = batch
    pair = np.minimum(image, other) * count + np.maximum(image, other)
    order = np.lexsort((-likeness, pair))
    ranks = np.arange(len(order)) - np.searchsorted(pair[order], pair[order])
    return order[(ranks < WINDOWS) & (likeness[order] >= SPECTRAL)]


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
