"""Low frequencies of images, evened out over the set: what all of them share counts little."""

import numpy as np
from numpy.typing import NDArray

from imbclf.data.exploration.perceptual_hash import LOW, Window, window_spectra

FLOOR = 0.2  # of the mean variance: keeps whitening from amplifying frequencies of noise
SAMPLE = 8192  # images that the variances are measured on

Floats = NDArray[np.float32]


def spectral_vectors(thumbs: NDArray[np.uint8], window: Window) -> Floats:
    """Return the low frequencies of a window of thumbnails as unit vectors `[N, 63]`.

    They hold neither brightness nor contrast.
    """
    spectra = window_spectra(thumbs, window)
    return scaled(spectra.reshape(len(spectra), LOW * LOW)[:, 1:])


def whitening(vectors: Floats) -> Floats:
    """Return the matrix `[D, D]` that evens out how much vectors `[N, D]` vary in each direction.

    Where all images share a pattern, its coefficients become as small as those of a detail. The
    matrix is symmetric (ZCA), so that photographs, whose frequencies vary independently, keep
    their frequencies.

    >>> vectors = np.float32([[3, 0], [-3, 0], [0, 1], [0, -1]])
    >>> white = vectors @ whitening(vectors)
    >>> bool(abs(white[0, 0]) < 1.6 * abs(white[2, 1]))
    True
    """
    sample = vectors[:: -(-len(vectors) // SAMPLE)].astype(np.float64)
    variances, axes = np.linalg.eigh(sample.T @ sample / len(sample))
    floor = max(FLOOR * float(variances.mean()), 1e-12)
    return np.asarray((axes / np.sqrt(variances.clip(0) + floor)) @ axes.T, np.float32)


def scaled(rows: Floats) -> Floats:
    """Return rows `[N, D]` scaled to norm 1; rows of zeros stay."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(norms, 1e-6), np.float32)
