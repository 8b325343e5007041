"""What the images of one set have in common, taken away before two of them are compared.

Standardized pictures (X-rays, wafers, solar cells) agree in most of what they show. Two of them
are the same picture only if they also agree in what the others do not share.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from imbclf.data.exploration.gray_images import DETAIL
from imbclf.data.exploration.perceptual_hash import SIDE, sampling_matrix
from imbclf.data.exploration.whitening import scaled, spectral_vectors, whitening

SAMPLE = 2048  # images that the background is learned from
SHARE = 12  # images of the sample for each common pattern
PIXELS = 16  # pixels of an image for each common pattern
ALIKE = 0.8  # correlation of whitened spectra of images that look alike
PARTNERS = 10  # images that one may look like and still stand for them in the sample
EQUAL = 0.98  # correlation of whitened spectra of copies

Floats = NDArray[np.float32]
Details = Callable[[NDArray[np.int64]], Floats]  # indices [M] to gray images [M, 64, 64]


def common_patterns(
    thumbs: NDArray[np.uint8], details: Details, pixels: int = DETAIL**2, seed: int = 0
) -> Floats:
    """Return orthonormal patterns `[K, 4096]` that many images of the set share.

    They are the leading principal components of a sample in which only one image of each few that
    look alike is left: repeated photographs of one object are no background.

    Args:
        thumbs: uint8 `[N, 32, 32]`.
        details: gives gray images of indices.
        pixels: number of pixels of an image as it was before it was enlarged, if it was.
        seed: seed of the sample.
    """
    random = np.random.default_rng(seed)
    rows = np.sort(random.permutation(len(thumbs))[:SAMPLE])
    rows = rows[_one_of_each(thumbs[rows])]
    count = min(len(rows) // SHARE, min(pixels, DETAIL**2) // PIXELS)
    if not count:
        return np.zeros((0, DETAIL**2), np.float32)
    return _leading_components(standardized(details(rows)), count, random)


def residual_correlation(
    inside: Floats, whole: Floats, windows: NDArray[np.float64], patterns: Floats
) -> Floats:
    """Return the correlation `[P]` of windows and images without what the set has in common.

    Args:
        inside: `[P, 64, 64]`, images that windows are cut out of.
        whole: `[P, 64, 64]`, images that the windows are compared with.
        windows: `[P, 3]`, top, left and side, in pixels of a thumbnail.
        patterns: `[K, 4096]`, from `common_patterns`.
    """
    top, left, side = windows.T * (DETAIL / SIDE)
    down, across = (sampling_matrix(start, side, DETAIL) for start in (top, left))
    cut = np.asarray(down @ inside @ across.transpose(0, 2, 1), np.float32)
    one, two = (_without(patterns, standardized(images)) for images in (cut, whole))
    return np.asarray(np.einsum("ij,ij->i", one, two), np.float32)


def standardized(images: Floats) -> Floats:
    """Return images `[N, H, W]` as rows of mean 0 and norm 1; constant images become 0."""
    rows = images.reshape(len(images), int(np.prod(images.shape[1:])))
    return scaled(rows - rows.mean(axis=1, keepdims=True))


def _without(patterns: Floats, rows: Floats) -> Floats:
    return scaled(np.asarray(rows - (rows @ patterns.T) @ patterns, np.float32))


def _one_of_each(thumbs: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the images without those that are, or look like, one of few earlier ones.

    What many images look like is background, and stays.
    """
    vectors = spectral_vectors(thumbs, (0, 0, SIDE))
    white = scaled(vectors @ whitening(vectors))
    correlation = white @ white.T
    few = (correlation > ALIKE).sum(axis=1) <= PARTNERS + 1
    alike = (correlation > ALIKE) & few & few[:, None] | (correlation > EQUAL)
    alike = np.tril(alike, -1)
    kept = np.ones(len(thumbs), bool)
    for row in np.flatnonzero(alike.any(axis=1)):
        kept[row] = not (alike[row] & kept).any()
    return np.flatnonzero(kept)


def _leading_components(rows: Floats, count: int, random: np.random.Generator) -> Floats:
    """Return the first `count` principal axes by randomized subspace iteration.

    Source: Halko, Martinsson and Tropp, SIAM Review 2011, algorithm 4.4.
    """
    extra = min(count + 10, len(rows), rows.shape[1])
    axes = rows.T @ random.normal(size=(len(rows), extra)).astype(np.float32)
    for _ in range(2):
        axes = rows.T @ (rows @ np.linalg.qr(axes)[0])
    axes = np.linalg.qr(axes)[0]
    inner = np.linalg.svd(rows @ axes, full_matrices=False)[2][:count]
    return np.asarray(inner @ axes.T, np.float32)
