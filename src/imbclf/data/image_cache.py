"""Cache of decoded images: one memory-mapped array for each listing and size."""

import importlib.util
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imbclf.data.cache_key import any_deep_png, cache_key as cache_key
from imbclf.data.cache_lock import lock_cache
from imbclf.data.decoding import MOST_PIXELS
from imbclf.data.header import pages_in_words
from imbclf.data.listing import Listing
from imbclf.data.pixel_file import StoredPixels, read_pixels, write_pixels
from imbclf.data.pixel_options import FULL, PixelOptions
from imbclf.data.value_range import clipping, judge_scale, judgment
from imbclf.errors import UserError
from imbclf.utils.files import atomic_folder, write_text

logger = logging.getLogger("imbclf")

SHOWN = 20  # most unreadable images that an error names


class DecodedImages(NamedTuple):
    """The images of a listing.

    Attributes:
        pixels: memory-mapped, read-only uint8 `[N, H, W, 3]`.
        listing: of the images in it.
        options: those that they were decoded with, the depth as it was judged.
    """

    pixels: NDArray[np.uint8]
    listing: Listing
    options: PixelOptions


def open_images(
    listing: Listing,
    image_size: int | tuple[int, int] | None,
    cache_dir: Path,
    on_corrupt: Literal["error", "skip"] = "error",
    workers: int | None = None,
    on_decoding: Callable[[], None] | None = None,
    options: PixelOptions | None = None,
) -> tuple[NDArray[np.uint8], Listing]:
    """Return all images as one memory-mapped array, decoded on all cores the first time.

    Arguments and errors as for `decode_images`, which also returns how they were decoded.

    Returns:
        Memory-mapped, read-only uint8 [N, H, W, 3], and the listing of the images in it.
    """
    opened = decode_images(
        listing, image_size, cache_dir, on_corrupt, workers, on_decoding, options
    )
    return opened.pixels, opened.listing


def decode_images(
    listing: Listing,
    image_size: int | tuple[int, int] | None,
    cache_dir: Path,
    on_corrupt: Literal["error", "skip"] = "error",
    workers: int | None = None,
    on_decoding: Callable[[], None] | None = None,
    options: PixelOptions | None = None,
) -> DecodedImages:
    """Decode all images on all cores, or map those that are cached.

    The cache is keyed by names, sizes and times of the files: if one image changes, all are decoded
    again. It may be deleted at any time. Nothing is written to the image folder. Of images of more
    than 8 bits it holds one depth, the latest asked for.

    Args:
        listing: the images.
        image_size: side of a square, or (height, width), in pixels, to resize images to; None if
            all images have one size.
        cache_dir: folder of the caches.
        on_corrupt: `error` to refuse unreadable images, `skip` to leave them out.
        workers: number of decoding processes; None for one per core.
        on_decoding: called once these have started, if any are needed.
        options: depth, resizing mode and limit of pixels; None for the defaults.

    Raises:
        UserError: images cannot be decoded, or differ in size; the cache cannot be written.
    """
    size, options = height_and_width(image_size), options or PixelOptions()
    folder = cache_dir / cache_key(listing, size, options)
    report = folder.with_suffix(".txt")
    strict = on_corrupt == "error"
    cached = _read(folder, listing, strict, options)
    if cached is None:
        with lock_cache(cache_dir):
            # Another process may have decoded the same images in the meantime.
            cached = _read(folder, listing, strict, options)
            if cached is None:
                with atomic_folder(folder) as partial:
                    unreadable = write_pixels(
                        listing, size, partial, workers or _cores(), on_decoding, options
                    )
                    _report_unreadable(listing, unreadable, report, strict)
                cached = read_pixels(folder, len(listing))
    assert cached is not None
    scale = options.scale or cached.scale or FULL
    if cached.values is not None:
        if options.scale is None:
            logger.info("%s", judgment(cached.values, scale))
        elif beyond := clipping(cached.values, scale):
            logger.warning("%s", beyond)
    if cached.pages[0]:
        listing.account.note(pages_in_words(*cached.pages))
    if left_out := cached.unreadable:
        logger.warning(
            "Images that cannot be read are left out: %d, listed in %s", len(left_out), report
        )
        _account(listing, left_out, report)
        listing = listing.take(np.delete(np.arange(len(listing)), left_out))
    return DecodedImages(cached.pixels, listing, replace(options, depth=scale))


def _account(listing: Listing, left_out: Sequence[int], report: Path) -> None:
    """Add unreadable images, with their reasons if they are still known, to the account."""
    text = report.read_text(encoding="utf-8") if report.exists() else ""
    reasons = dict(line.rpartition(": ")[::2] for line in text.splitlines())
    accounted = {one.file for one in listing.account.left_out}
    for place in left_out:
        file = str(listing.files[place])
        if file not in accounted:
            reason = reasons.get(file, "")
            label = "" if listing.labels is None else listing.label_names[listing.labels[place]]
            words = f"unreadable: {reason}" if reason else "unreadable"
            listing.account.leave_out([file], words, label)


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


def _read(
    folder: Path, listing: Listing, strict: bool, options: PixelOptions
) -> StoredPixels | None:
    """Return the cached pixels, if they are those that were asked for."""
    cached = read_pixels(folder, len(listing))
    if cached is None or (strict and cached.unreadable):
        return None  # a strict caller decodes all images again if the cache lacks one
    if any(importlib.util.find_spec(name) for name in cached.missing):
        return None  # packages that read more of the images were installed since
    if cached.scale is None:  # of version 0.1, which knew fewer formats and one depth
        return None if cached.unreadable or any_deep_png(listing) else cached
    if cached.values is not None and cached.scale != (options.scale or judge_scale(cached.values)):
        return None
    return cached


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
