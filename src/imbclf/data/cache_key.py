"""Names of the caches of decoded images."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress

import numpy as np

from imbclf.data.listing import Listing
from imbclf.data.pixel_options import PixelOptions

FORMAT = 1  # of the cache; to be raised when its files or its pixels change


def cache_key(
    listing: Listing, size: tuple[int, int] | None, options: PixelOptions | None = None
) -> str:
    """Return a hash of the names, sizes and times (mtime, ctime, in ns) of a listing's files.

    It does not depend on labels or on the folder of the images, nor on the depth, which most
    images have no use for. A missing file has size -1.
    """
    root = str(listing.root)
    paths = (f"{root}/{file}" for file in listing.files.tolist())
    states = np.fromiter(_states(paths), dtype=np.int64, count=3 * len(listing))
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr((FORMAT, size, len(listing), listing.files.dtype.str)).encode())
    digest.update(np.ascontiguousarray(listing.files).data)
    digest.update(states.data)
    other = options and (options.fit, options.max_pixels)
    if other and other != ("squash", None):
        digest.update(repr(other).encode())
    return digest.hexdigest()


def _states(paths: Iterable[str]) -> Iterator[int]:
    for path in paths:
        try:
            status = os.stat(path)  # noqa: PTH116 (a Path each would take longer than the call)
        except OSError:
            yield from (-1, -1, -1)
        else:
            yield status.st_size
            yield status.st_mtime_ns
            yield status.st_ctime_ns


def any_deep_png(listing: Listing) -> bool:
    """Return whether a file is a PNG of 16-bit gray."""
    for file in listing.files.tolist():
        with suppress(OSError), open(f"{listing.root}/{file}", "rb") as image:  # noqa: PTH123
            start = image.read(26)
            if start.startswith(b"\x89PNG") and start[24:] in (b"\x10\x00", b"\x10\x04"):
                return True
    return False
