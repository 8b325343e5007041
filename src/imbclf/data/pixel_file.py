"""Files of decoded images in a cache folder."""

import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imbclf.data.decode_pass import decode_all
from imbclf.data.decode_worker import BLOCK, NAMES, PIXELS
from imbclf.data.listing import Listing
from imbclf.data.opening import missing_extras
from imbclf.data.pixel_options import FULL, PixelOptions, Scale
from imbclf.data.value_range import ValueRange, judge_scale
from imbclf.errors import UserError
from imbclf.utils.files import write_text
from imbclf.utils.safe_reading import read_json, readable

INDEX = "index.json"  # shape of the pixels, indices of unreadable images, depth


class StoredPixels(NamedTuple):
    """The pixels of a cache folder.

    Attributes:
        pixels: read-only uint8 `[N, H, W, 3]`.
        unreadable: indices of the images left out.
        scale: the values that became 0 and 255; None if a version that judged none decoded them.
        values: range of the values of images of more than 8 bits; None without such images.
        missing: the packages that some of the unreadable images need.
        pages: number of files of several pages, and the most pages of one.
    """

    pixels: NDArray[np.uint8]
    unreadable: list[int]
    scale: Scale | None
    values: ValueRange | None
    missing: list[str]
    pages: tuple[int, int]


def read_pixels(folder: Path, count: int) -> StoredPixels | None:
    """Map the pixels that `write_pixels` wrote for `count` images; None if incomplete."""
    try:
        with readable(folder / INDEX, "the index of cached images"):
            index = read_json(folder / INDEX)
            shape, unreadable = tuple(index["shape"]), list(index["unreadable"])
            kept, _, _, _ = shape
            if kept + len(unreadable) != count or not set(unreadable) <= set(range(count)):
                return None
            scale = tuple(index["depth"]) if "depth" in index else None
            values = ValueRange(*index["values"]) if index.get("values") else None
            # A file that was cut short is too small for the shape: ValueError.
            pixels = np.memmap(folder / PIXELS, dtype=np.uint8, mode="r", shape=shape)
            missing, (files, most) = index.get("missing", []), index.get("pages", (0, 1))
            return StoredPixels(pixels, unreadable, scale, values, missing, (int(files), int(most)))
    except UserError:
        return None


def write_pixels(
    listing: Listing,
    size: tuple[int, int] | None,
    folder: Path,
    workers: int,
    on_decoding: Callable[[], None] | None = None,
    options: PixelOptions | None = None,
) -> dict[int, str]:
    """Decode all images into an empty folder, with a progress bar on a terminal.

    Where the depth is to be judged and the values of the images are not of 16 bits, which only
    the first pass can tell, they are decoded a second time.

    Args:
        listing: the images.
        size: (height, width) in pixels to resize to; None if all images have one size.
        folder: folder of the files.
        workers: largest number of processes.
        on_decoding: called once these have started.
        options: depth, resizing mode and limit of pixels; None for the defaults.

    Returns:
        Reasons of the unreadable images, by index.

    Raises:
        UserError: the images differ in size, or have no scale in common.
        OSError: the pixels cannot be written.
    """
    options = options or PixelOptions()
    np.save(folder / NAMES, listing.files)
    (folder / PIXELS).touch()
    workers = min(workers, math.ceil(len(listing) / BLOCK))
    decoded = decode_all(listing, size, folder, workers, options, on_decoding)
    scale = options.scale or judge_scale(decoded.values)
    if options.scale is None and scale != FULL:
        judged = replace(options, depth=scale)
        decoded = decode_all(listing, size, folder, workers, judged, None)
    (height, width), gaps = decoded.size, sorted(decoded.unreadable)
    _close_gaps(folder / PIXELS, len(listing), gaps, height * width * 3)
    index: dict[str, Any] = {
        "shape": [len(listing) - len(gaps), height, width, 3],
        "unreadable": gaps,
        "depth": scale,
        "values": decoded.values,
        "missing": missing_extras(decoded.unreadable.values()),
        "pages": [len(decoded.pages), max(decoded.pages.values(), default=1)],
    }
    write_text(folder / INDEX, json.dumps(index))
    return decoded.unreadable


def _close_gaps(path: Path, count: int, gaps: list[int], row: int) -> None:
    """Move rows of `row` bytes up over the gaps, truncate the file, and sync it."""
    with path.open("rb+") as pixels:
        for before, (gap, following) in enumerate(pairwise([*gaps, count])):
            for index in range(gap + 1, following):
                pixels.seek(index * row)
                moved = pixels.read(row)
                pixels.seek((index - before - 1) * row)
                pixels.write(moved)
        pixels.truncate((count - len(gaps)) * row)
        os.fsync(pixels.fileno())
