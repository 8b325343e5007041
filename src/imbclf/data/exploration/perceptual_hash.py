"""Perceptual hashes: similar images have hashes that differ in few bits.

The hash is ImageHash's `phash`, vectorized over images, and also computed for windows of an image,
so that crops can be recognized.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dct

SIDE = 32  # side of a thumbnail, in pixels
LOW = 8  # lowest frequencies used, in each direction
BLOCK = 2048  # images per step

Window = tuple[float, float, float]  # top, left and side in pixels of a thumbnail


def thumbnails(pixels: NDArray[np.uint8], threads: int = 1) -> NDArray[np.uint8]:
    """Return images, uint8 `[N, H, W, 3]`, resized to gray squares, uint8 `[N, 32, 32]`."""
    small = np.empty((len(pixels), SIDE, SIDE), np.uint8)

    def fill(start: int) -> None:
        for index in range(start, min(start + BLOCK, len(pixels))):
            small[index] = gray_square(pixels[index], SIDE)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fill, range(0, len(pixels), BLOCK)))
    return small


def gray_square(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return an image, uint8 `[H, W, 3]`, as a gray square, uint8 `[side, side]`."""
    gray = Image.fromarray(image).convert("L")
    return np.asarray(gray.resize((side, side), Image.Resampling.LANCZOS))


def perceptual_hashes(thumbs: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the 64-bit perceptual hashes, uint64 `[N]`, of thumbnails `[N, 32, 32]`.

    Each bit is 1 if one of the 8 x 8 lowest coefficients of the cosine transform is above their
    median. Bits are in row order, most significant first, as those of `imagehash.phash`.
    Source: Krawetz 2011; https://github.com/JohannesBuchner/imagehash, version 4.3.

    >>> dark = np.random.default_rng(0).integers(0, 120, (2, 32, 32), dtype=np.uint8)
    >>> bool((perceptual_hashes(dark) == perceptual_hashes(2 * dark)).all())
    True
    """
    codes = np.empty(len(thumbs), np.uint64)
    for start in range(0, len(thumbs), BLOCK):
        block = thumbs[start : start + BLOCK].astype(np.float64)
        low = dct(dct(block, axis=1), axis=2)[:, :LOW, :LOW]
        codes[start : start + BLOCK] = hash_bits(low)
    return codes


def hash_bits(spectra: NDArray[np.floating[Any]]) -> NDArray[np.uint64]:
    """Return uint64 `[N]`: which of at most 64 coefficients, `[N, ...]`, exceed their median."""
    flat = spectra.reshape(len(spectra), -1)
    bits = np.zeros((len(flat), 64), bool)
    bits[:, : flat.shape[1]] = flat > np.median(flat, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8").ravel().astype(np.uint64)


def window_spectra(thumbs: NDArray[np.uint8], window: Window) -> NDArray[np.float32]:
    """Return the lowest cosine coefficients `[N, 8, 8]` of a window of thumbnails, resized to 32.

    Cropping, resizing and transforming are linear, so two small matrices do all three.
    """
    top, left, side = np.array(window, np.float64)[:, None]
    cosines = dct(np.eye(SIDE), axis=0)[:LOW].astype(np.float32)
    rows, columns = (
        cosines @ sampling_matrix(top, side)[0],
        cosines @ sampling_matrix(left, side)[0],
    )
    spectra = np.empty((len(thumbs), LOW, LOW), np.float32)
    for start in range(0, len(thumbs), BLOCK):
        block = thumbs[start : start + BLOCK].astype(np.float32)
        spectra[start : start + BLOCK] = rows @ block @ columns.T
    return spectra


def sampling_matrix(
    starts: NDArray[np.float64], sides: NDArray[np.float64], points: int = SIDE
) -> NDArray[np.float32]:
    """Return the matrices `[N, M, M]` that resample an interval of a line of M points to M points.

    Interpolation is linear.

    Args:
        starts: `[N]`, start of the interval, in pixels.
        sides: `[N]`, its length, in pixels.
        points: M.

    >>> bool((sampling_matrix(np.zeros(1), np.full(1, 32.0))[0] == np.eye(32)).all())
    True
    """
    steps = (np.arange(points) + 0.5) / points
    places = (starts[:, None] + sides[:, None] * steps - 0.5).clip(0, points - 1)
    away = places.astype(np.float32)[:, :, None] - np.arange(points, dtype=np.float32)
    return np.asarray(np.maximum(1 - np.abs(away), 0), np.float32)
