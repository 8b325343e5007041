"""Matching of image pairs: alike, also at another brightness or as a crop."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imbclf.data.exploration.perceptual_hash import SIDE, sampling_matrix

MIN_GRAY_CORRELATION = 0.8  # of gray values; see `match_pairs`
MIN_EDGE_CORRELATION = 0.75  # of differences between neighboring pixels
MIN_FAINT_CORRELATION = 0.77  # of the square roots of these differences
DROP_GRAY, DROP_COARSE_EDGES, DROP_EDGES = 0.4, 0.15, 0.4
STEPS = (1.2, 0.4, 0.13)  # step sizes of the window search, in pixels, coarse to fine
BLOCK = 1024  # pairs per step

Floats = NDArray[np.float32]


class Fit(NamedTuple):
    """Correlations `[N]` of the gray values, and of the gradients, of windows and images."""

    gray: Floats
    edges: Floats


def match_pairs(
    thumbs: NDArray[np.uint8],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    windows: NDArray[np.float64],
    threads: int = 1,
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which pairs are alike, and the window of the first image that is.

    A window of the first image, moved and resized a little until it fits best, is compared with
    the whole second image. They match if gray values correlate by .8, differences between
    neighboring pixels by .75, and the signed square roots of these by .77. The square roots give
    faint differences more weight: drawings with the same outlines, or two pictures with a horizon,
    pass the second criterion but not the third. All three are invariant to brightness and contrast.
    Where all images are alike, more is needed: see `background`.

    Args:
        thumbs: `[N, 32, 32]`.
        first: `[P]`, index of the first image of each pair.
        second: `[P]`, index of the second image of each pair.
        windows: `[P, 3]`, initial top, left and side of the first image's window, in pixels.
        threads: number of threads.

    Returns:
        Whether each pair matches, bool `[P]`, and the windows that fit best, `[P, 3]`.
    """

    def compare(start: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        part = slice(start, start + BLOCK)
        inside = thumbs[first[part]].astype(np.float32)
        whole = thumbs[second[part]].astype(np.float32)
        best, fit = _refine(inside, whole, windows[part])
        same = (fit.gray >= MIN_GRAY_CORRELATION) & (fit.edges >= MIN_EDGE_CORRELATION)
        faint = [_signed_sqrt(_gradients(images[same])) for images in (_crop(inside, best), whole)]
        same[same] = _correlation(faint[0], faint[1]) >= MIN_FAINT_CORRELATION
        return same, best

    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(compare, range(0, len(first), BLOCK)))
    empty = (np.zeros(0, np.bool_), np.zeros((0, 3)))
    same, best = (np.concatenate(column) for column in zip(empty, *parts, strict=True))
    return same, best


def _refine(
    inside: Floats, whole: Floats, windows: NDArray[np.float64]
) -> tuple[NDArray[np.float64], Fit]:
    """Refine each window step by step; windows that cannot match any more are dropped."""
    view = _crop(inside, windows)
    fit = Fit(_correlation(view, whole), _correlation(_gradients(view), _gradients(whole)))
    # A window one pixel off loses the correlation of fine differences, not of coarse ones.
    coarse = _correlation(_gradients(_halved(view)), _gradients(_halved(whole)))
    active = np.flatnonzero((fit.gray > DROP_GRAY) & (coarse > DROP_COARSE_EDGES))
    windows = windows.copy()
    for step in STEPS:
        if len(active):
            moved, better = _search_step(inside[active], whole[active], windows[active], step)
            windows[active] = moved
            fit.gray[active], fit.edges[active] = better
            active = active[better.edges > DROP_EDGES]
    return windows, fit


def _search_step(
    inside: Floats, whole: Floats, windows: NDArray[np.float64], step: float
) -> tuple[NDArray[np.float64], Fit]:
    """Return the best of the 27 windows around each window."""
    target = _standardized(_gradients(whole))
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
                gradients = _gradients(np.asarray(rows @ column, np.float32))
                reached = _row_dots(gradients, target) / np.maximum(
                    _centered_norms(gradients), 1e-3
                )
                better = np.flatnonzero(reached > edges)
                edges[better] = reached[better]
                best[better] = np.stack([top, left, side], axis=1)[better]
    return best, Fit(_correlation(_crop(inside, best), whole), edges)


def _crop(images: Floats, windows: NDArray[np.float64]) -> Floats:
    top, left, side = windows.T
    enlarged = sampling_matrix(top, side) @ images @ sampling_matrix(left, side).transpose(0, 2, 1)
    return np.asarray(enlarged, np.float32)


def _halved(images: Floats) -> Floats:
    half = SIDE // 2
    return np.asarray(images.reshape(-1, half, 2, half, 2).mean((2, 4)), np.float32)


def _gradients(images: Floats) -> Floats:
    """Return the differences between neighboring pixels, `[N, M]`."""
    return np.concatenate([_flatten(np.diff(images, axis=axis)) for axis in (1, 2)], axis=1)


def _flatten(images: Floats) -> Floats:
    return images.reshape(len(images), int(np.prod(images.shape[1:])))  # -1 fails on no images


def _signed_sqrt(gradients: Floats) -> Floats:
    return np.sign(gradients) * np.sqrt(np.abs(gradients))


def _correlation(images: Floats, others: Floats) -> Floats:
    """Return the correlation of each image pair, `[N]`; 0 if one is constant."""
    one, two = _flatten(images), _flatten(others)
    return _row_dots(_standardized(one), _standardized(two))


def _standardized(rows: Floats) -> Floats:
    """Return rows `[N, M]` scaled to mean 0 and norm 1; constant rows become 0."""
    centered = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.sqrt(_row_dots(centered, centered))[:, None]
    return np.asarray(centered / np.maximum(lengths, 1e-3), np.float32)


def _centered_norms(rows: Floats) -> Floats:
    """Return the norms of rows `[N, M]` about their means, `[N]`."""
    squares = _row_dots(rows, rows) - rows.shape[1] * rows.mean(axis=1) ** 2
    return np.asarray(np.sqrt(np.maximum(squares, 0)), np.float32)


def _row_dots(rows: Floats, others: Floats) -> Floats:
    return np.asarray(np.einsum("ij,ij->i", rows, others), np.float32)
