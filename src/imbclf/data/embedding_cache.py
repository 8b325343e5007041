"""Cache of embedded images: features that a frozen network has of them, one file for each key."""

import hashlib
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imbclf.data.cache_lock import lock_embeddings
from imbclf.utils.files import atomic_write

logger = logging.getLogger("imbclf")

FORMAT = 1  # of the cache; to be raised when features of the same network change
BLOCK = 1024  # images that are hashed at once


def embedding_key(pixels: NDArray[np.uint8], network: Iterable[bytes], preprocessing: str) -> str:
    """Return a hash of the content of images, of a network and of what images go through.

    Args:
        pixels: uint8 `[N, H, W, 3]`; a memory map works.
        network: its weights.
        preprocessing: all else that features depend on, in words.

    >>> black = np.zeros((2, 4, 4, 3), np.uint8)
    >>> embedding_key(black, [b"w"], "none") == embedding_key(black + 1, [b"w"], "none")
    False
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr((FORMAT, pixels.shape, preprocessing)).encode())
    for start in range(0, len(pixels), BLOCK):
        digest.update(np.ascontiguousarray(pixels[start : start + BLOCK]).data)
    for part in network:
        digest.update(part)
    return digest.hexdigest()


def cached_embeddings(
    cache_dir: Path, key: str, count: int, embed: Callable[[], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Return the features `[count, D]` that are kept under a key, computed if there are none.

    One process computes, while others wait for its file. The cache may be deleted at any time.

    Args:
        cache_dir: folder of the caches.
        key: an `embedding_key`.
        count: number of images.
        embed: computes the features.

    Raises:
        UserError: the folder cannot be written to.
    """
    path = cache_dir / f"{key}.npy"
    found = _read(path, count)
    if found is not None:
        return found
    with lock_embeddings(cache_dir):
        found = _read(path, count)  # another process may have embedded the same images meanwhile
        if found is None:
            found = embed()
            with atomic_write(path) as temporary, temporary.open("wb") as file:
                np.save(file, found)
    return found


def _read(path: Path, count: int) -> NDArray[np.float32] | None:
    """Return the features of a file; None if it is missing or damaged."""
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    is_whole = isinstance(found, np.ndarray) and found.ndim == 2 and found.dtype == np.float32
    return found if is_whole and len(found) == count else None
