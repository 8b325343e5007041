"""Cache of decoded images: one memory-mapped array for each listing and size."""

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imbclf.data.cache_lock import lock_cache
from imbclf.data.decoding import MOST_PIXELS
from imbclf.data.listing import Listing
from imbclf.data.pixel_file import read_pixels, write_pixels
from imbclf.errors import UserError
from imbclf.utils.files import atomic_folder, write_text

logger = logging.getLogger("imbclf")

FORMAT = 1  # of the cache; to be raised when its files or its pixels change
SHOWN = 20  # most unreadable images that an error names


def open_images(
    listing: Listing,
    image_size: int | tuple[int, int] | None,
    cache_dir: Path,
    on_corrupt: Literal["error", "skip"] = "error",
    workers: int | None = None,
    on_decoding: Callable[[], None] | None = None,
) -> tuple[NDArray[np.uint8], Listing]:
    """Return all images as one memory-mapped array, decoded on all cores the first time.

    The cache is keyed by names, sizes and times of the files: if one image changes, all are decoded
    again. It may be deleted at any time. Nothing is written to the image folder.

    Args:
        listing: the images.
        image_size: side of a square, or (height, width), in pixels, to resize images to; None if
            all images have one size.
        cache_dir: folder of the caches.
        on_corrupt: `error` to refuse unreadable images, `skip` to leave them out.
        workers: number of decoding processes; None for one per core.
        on_decoding: called once these have started, if any are needed.

    Returns:
        Memory-mapped, read-only uint8 [N, H, W, 3], and the listing of the images in it.

    Raises:
        UserError: images cannot be decoded, or differ in size; the cache cannot be written.
    """
    size = height_and_width(image_size)
    folder = cache_dir / cache_key(listing, size)
    report = folder.with_suffix(".txt")
    strict = on_corrupt == "error"
    cached = _read(folder, len(listing), strict)
    if cached is None:
        with lock_cache(cache_dir):
            # Another process may have decoded the same images in the meantime.
            cached = _read(folder, len(listing), strict)
            if cached is None:
                with atomic_folder(folder) as partial:
                    unreadable = write_pixels(
                        listing, size, partial, workers or _cores(), on_decoding
                    )
                    _report_unreadable(listing, unreadable, report, strict)
                cached = _read(folder, len(listing), strict)
    assert cached is not None
    pixels, left_out = cached
    if left_out:
        logger.warning(
            "Images that cannot be read are left out: %d, listed in %s", len(left_out), report
        )
        listing = listing.take(np.delete(np.arange(len(listing)), left_out))
    return pixels, listing


def height_and_width(image_size: object) -> tuple[int, int] | None:
    """Return (height, width) of the option `data.image_size`; None for no resizing.

    Raises:
        UserError: it is not an image size.

    >>> height_and_width(64), height_and_width([48, 64])
    ((64, 64), (48, 64))
    """
    if image_size is None:
        return None
    sides: Sequence[Any] = image_size if isinstance(image_size, list | tuple) else [image_size] * 2
    if len(sides) == 2 and all(type(side) is int and side >= 1 for side in sides):
        height, width = sides
        if height * width <= MOST_PIXELS:
            return height, width
    raise UserError(
        f"data.image_size={image_size}: expected pixels, one number or [height,width], 1 or more, "
        f"and {MOST_PIXELS:,} in all at most"
    )


def cache_key(listing: Listing, size: tuple[int, int] | None) -> str:
    """Return a hash of the names, sizes and times (mtime, ctime, in ns) of a listing's files.

    It does not depend on labels or on the folder of the images. A missing file has size -1.
    """
    root = str(listing.root)
    paths = (f"{root}/{file}" for file in listing.files.tolist())
    states = np.fromiter(_states(paths), dtype=np.int64, count=3 * len(listing))
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr((FORMAT, size, len(listing), listing.files.dtype.str)).encode())
    digest.update(np.ascontiguousarray(listing.files).data)
    digest.update(states.data)
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


def _read(folder: Path, count: int, strict: bool) -> tuple[NDArray[np.uint8], list[int]] | None:
    # A strict caller decodes all images again if the cache lacks one.
    cached = read_pixels(folder, count)
    return None if strict and cached and cached[1] else cached


def _report_unreadable(
    listing: Listing, unreadable: dict[int, str], report: Path, strict: bool
) -> None:
    """Write the unreadable images to `report`; raise UserError if strict or if all are."""
    if not unreadable:
        return
    lines = [f"{listing.files[index]}: {unreadable[index]}" for index in sorted(unreadable)]
    write_text(report, "\n".join(lines) + "\n")
    if strict or len(lines) == len(listing):
        more = [f"and {len(lines) - SHOWN:,} more"] if len(lines) > SHOWN else []
        shown = "\n  ".join(lines[:SHOWN] + more)
        raise UserError(
            f"{len(lines):,} of {len(listing):,} images in {listing.root} cannot be read:\n"
            f"  {shown}\n"
            f"All are listed in {report}; repair them, or skip them with data.on_corrupt=skip"
        )


def _cores() -> int:
    """Return the number of cores available to this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
