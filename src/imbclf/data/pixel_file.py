"""Files of decoded images in a cache folder."""

import errno
import json
import math
import os
import shutil
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from imbclf.data.decode_worker import BLOCK, NAMES, PIXELS, decode_in_workers
from imbclf.data.listing import Listing
from imbclf.errors import UserError
from imbclf.utils.files import write_text
from imbclf.utils.safe_reading import read_json, readable
from imbclf.utils.text import first_few

INDEX = "index.json"  # shape of the pixels, and the indices of unreadable images


def read_pixels(folder: Path, count: int) -> tuple[NDArray[np.uint8], list[int]] | None:
    """Map the pixels that `write_pixels` wrote for `count` images; None if missing or incomplete.

    Returns:
        Read-only uint8 `[N, H, W, 3]`, and the indices of the images left out.
    """
    try:
        with readable(folder / INDEX, "the index of cached images"):
            index = read_json(folder / INDEX)
            shape, unreadable = tuple(index["shape"]), list(index["unreadable"])
            kept, _, _, _ = shape
            if kept + len(unreadable) != count or not set(unreadable) <= set(range(count)):
                return None
            # A file that was cut short is too small for the shape: ValueError.
            return np.memmap(folder / PIXELS, dtype=np.uint8, mode="r", shape=shape), unreadable
    except UserError:
        return None


def write_pixels(
    listing: Listing,
    size: tuple[int, int] | None,
    folder: Path,
    workers: int,
    on_decoding: Callable[[], None] | None = None,
) -> dict[int, str]:
    """Decode all images into an empty folder, with a progress bar on a terminal.

    Args:
        listing: the images.
        size: (height, width) in pixels to resize to; None if all images have one size.
        folder: folder of the files.
        workers: largest number of processes.
        on_decoding: called once these have started.

    Returns:
        Reasons of the unreadable images, by index.

    Raises:
        UserError: the images differ in size.
        OSError: the pixels cannot be written.
    """
    np.save(folder / NAMES, listing.files)
    (folder / PIXELS).touch()
    workers = min(workers, math.ceil(len(listing) / BLOCK))
    decoded: Counter[str] = Counter()
    measured: Counter[str] = Counter()
    unreadable: dict[int, str] = {}
    with (
        decode_in_workers(folder, listing.root, size, workers) as reports,
        tqdm(total=len(listing), desc="Decoding", unit=" images", disable=None) as bar,
    ):
        if on_decoding is not None:
            on_decoding()
        for kind, subject, text in reports:
            if kind == "failure":
                raise OSError(int(subject), text)
            if kind == "unreadable":
                unreadable[int(subject)] = text
                bar.update()
                continue
            if not decoded:
                _check_room(folder, len(listing), *_sides(subject))
            (decoded if kind == "decoded" else measured)[subject] += int(text)
            bar.update(int(text))
    if len(sizes := decoded + measured) > 1:
        common = [f"{name} ({count:,})" for name, count in sizes.most_common()]
        raise UserError(
            f"The images in {listing.root} have {len(sizes):,} sizes (height x width): "
            f"{first_few(common)}; resize them to one, for example with data.image_size=64"
        )
    if decoded.total() + len(unreadable) < len(listing):
        raise RuntimeError(f"The images in {listing.root} changed while they were decoded")
    height, width = _sides(*decoded or ["0x0"])
    gaps = sorted(unreadable)
    _close_gaps(folder / PIXELS, len(listing), gaps, height * width * 3)
    index = {"shape": [len(listing) - len(gaps), height, width, 3], "unreadable": gaps}
    write_text(folder / INDEX, json.dumps(index))
    return unreadable


def _sides(size: str) -> tuple[int, int]:
    height, width = size.split("x")
    return int(height), int(width)


def _check_room(folder: Path, count: int, height: int, width: int) -> None:
    needed, free = count * height * width * 3, shutil.disk_usage(folder).free
    if needed > free:
        shortage = f"{needed / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free"
        raise OSError(errno.ENOSPC, shortage)


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
