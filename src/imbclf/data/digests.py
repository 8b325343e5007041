"""Digests of decoded images, by which copies are recognized under any name."""

import hashlib

import numpy as np
from numpy.typing import NDArray

DIGEST = 8  # bytes: of a million images, two different ones agree in one of 10**7 data sets


def pixel_digests(pixels: NDArray[np.uint8]) -> NDArray[np.str_]:
    """Return a digest of each of the images `[N, H, W, 3]`, hexadecimal, `[N]`.

    >>> black, white = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)
    >>> one, other, again = pixel_digests(np.stack([black, white, black]))
    >>> bool(one == again), bool(one == other)
    (True, False)
    """
    return np.array([_digest(image) for image in pixels], dtype=f"<U{2 * DIGEST}")


def _digest(image: NDArray[np.uint8]) -> str:
    return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=DIGEST).hexdigest()
