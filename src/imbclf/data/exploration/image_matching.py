"""Whether one image is another, perhaps brighter or darker, or a cut-out of it."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imbclf.data.exploration.perceptual_hash import SIDE, sampling_matrix

CORRELATION = 0.8  # of gray values, at least: see `alike`
EDGES = 0.75  # of differences between neighbors, at least
FAINT = 0.77  # of the square roots of these differences, at least
HOPELESS_CORRELATION, HOPELESS_EDGES, HALFWAY_EDGES = 0.4, 0.15, 0.4
STEPS = (1.2, 0.5, 0.2)  # pixels that a window is moved by, one after the other
BLOCK = 1024  # pairs at once

Floats = NDArray[np.float32]


class Fit(NamedTuple):
    """How well windows fit: correlations `[N]` of gray values and of their differences."""

    gray: Floats
    edges: Floats


def match_pairs(
    thumbs: NDArray[np.uint8],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    windows: NDArray[np.float64],
    threads: int = 1,
) -> tuple[NDArray[np.bool_], Floats]:
    """Return which pairs show the same picture.

    A window of the first, moved and resized a little until it fits best, is laid over the second.
    What must correlate are gray values (.8), differences between neighbors (.75), and the square
    roots of these (.77), in which faint differences count too: drawings with the same outlines, or
    two pictures with a horizon, pass the second, not the third. None of them heeds brightness or
    contrast.

    Args:
        thumbs: `[N, 32, 32]`.
        first: `[P]`, index of one image of each pair.
        second: `[P]`, index of the other.
        windows: `[P, 3]`, top, left and side of the first's window to begin with, in pixels.
        threads: that share the work.

    Returns:
        `[P]`, and the correlation of the differences that was reached.
    """

    def look(start: int) -> tuple[NDArray[np.bool_], Floats]:
        part = slice(start, start + BLOCK)
        inside = thumbs[first[part]].astype(np.float32)
        whole = thumbs[second[part]].astype(np.float32)
        best, fit = _best(inside, whole, windows[part])
        same = (fit.gray >= CORRELATION) & (fit.edges >= EDGES)
        faint = [_faint(_slopes(images[same])) for images in (_cut(inside, best), whole)]
        same[same] = _correlation(faint[0], faint[1]) >= FAINT
        return same, fit.edges

    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(look, range(0, len(first), BLOCK)))
    empty = (np.zeros(0, np.bool_), np.zeros(0, np.float32))
    same, edges = (np.concatenate(column) for column in zip(empty, *parts, strict=True))
    return same, edges


def _best(
    inside: Floats, whole: Floats, windows: NDArray[np.float64]
) -> tuple[NDArray[np.float64], Fit]:
    """Improve each window step by step; what has become hopeless is left as it is."""
    view = _cut(inside, windows)
    fit = Fit(_correlation(view, whole), _correlation(_slopes(view), _slopes(whole)))
    # A window that is a pixel off has lost the fine differences, but not the coarse ones.
    coarse = _correlation(_slopes(_halved(view)), _slopes(_halved(whole)))
    going = np.flatnonzero((fit.gray > HOPELESS_CORRELATION) & (coarse > HOPELESS_EDGES))
    windows = windows.copy()
    for step in STEPS:
        if len(going):
            moved, better = _climb(inside[going], whole[going], windows[going], step)
            windows[going] = moved
            fit.gray[going], fit.edges[going] = better
            going = going[better.edges > HALFWAY_EDGES]
    return windows, fit


def _climb(
    inside: Floats, whole: Floats, windows: NDArray[np.float64], step: float
) -> tuple[NDArray[np.float64], Fit]:
    """Try the 27 windows around each; return the best ones."""
    wanted = _standardized(_slopes(whole))
    best, edges = windows.copy(), np.full(len(inside), -1, np.float32)
    moves = (0, -1, 1)
    for wider in moves:
        side = np.minimum(windows[:, 2] + 2 * step * wider, SIDE)
        center = (windows[:, 2] - side) / 2
        tops, lefts = (
            [(windows[:, i] + center + step * move).clip(0, SIDE - side) for move in moves]
            for i in range(2)
        )
        columns = [sampling_matrix(left, side).transpose(0, 2, 1) for left in lefts]
        for top in tops:
            rows = np.asarray(sampling_matrix(top, side) @ inside, np.float32)
            for left, column in zip(lefts, columns, strict=True):
                slopes = _slopes(np.asarray(rows @ column, np.float32))
                reached = _products(slopes, wanted) / np.maximum(_deviations(slopes), 1e-3)
                better = np.flatnonzero(reached > edges)
                edges[better] = reached[better]
                best[better] = np.stack([top, left, side], axis=1)[better]
    return best, Fit(_correlation(_cut(inside, best), whole), edges)


def _cut(images: Floats, windows: NDArray[np.float64]) -> Floats:
    top, left, side = windows.T
    enlarged = sampling_matrix(top, side) @ images @ sampling_matrix(left, side).transpose(0, 2, 1)
    return np.asarray(enlarged, np.float32)


def _halved(images: Floats) -> Floats:
    half = SIDE // 2
    return np.asarray(images.reshape(-1, half, 2, half, 2).mean((2, 4)), np.float32)


def _slopes(images: Floats) -> Floats:
    """Differences between neighbors, `[N, M]`."""
    return np.concatenate([_flat(np.diff(images, axis=axis)) for axis in (1, 2)], axis=1)


def _flat(images: Floats) -> Floats:
    return images.reshape(len(images), int(np.prod(images.shape[1:])))  # -1 fails on no images


def _faint(slopes: Floats) -> Floats:
    return np.sign(slopes) * np.sqrt(np.abs(slopes))


def _correlation(images: Floats, others: Floats) -> Floats:
    """Correlate image by image; 0 where one of them is constant."""
    one, two = _flat(images), _flat(others)
    return _products(_standardized(one), _standardized(two))


def _standardized(rows: Floats) -> Floats:
    """Return rows `[N, M]` mean 0 and length 1; constant ones become 0."""
    centerd = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.sqrt(_products(centerd, centerd))[:, None]
    return np.asarray(centerd / np.maximum(lengths, 1e-3), np.float32)


def _deviations(rows: Floats) -> Floats:
    """Return the lengths of rows `[N, M]` without their means, `[N]`."""
    squares = _products(rows, rows) - rows.shape[1] * rows.mean(axis=1) ** 2
    return np.asarray(np.sqrt(np.maximum(squares, 0)), np.float32)


def _products(rows: Floats, others: Floats) -> Floats:
    return np.asarray(np.einsum("ij,ij->i", rows, others), np.float32)
