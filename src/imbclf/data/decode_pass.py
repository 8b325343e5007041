"""One pass of the decoding processes over all images of a listing."""

import errno
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tqdm.auto import tqdm

from imbclf.data.decode_worker import decode_in_workers
from imbclf.data.listing import Listing
from imbclf.data.pixel_options import PixelOptions
from imbclf.data.value_range import ValueRange, join_ranges
from imbclf.errors import UserError
from imbclf.utils.text import first_few


class DecodedPass(NamedTuple):
    """What one pass over all images came to; `pages` are those of files of several, by index."""

    size: tuple[int, int]
    unreadable: dict[int, str]
    values: ValueRange | None
    pages: dict[int, int]


def decode_all(
    listing: Listing,
    size: tuple[int, int] | None,
    folder: Path,
    workers: int,
    options: PixelOptions,
    on_decoding: Callable[[], None] | None,
) -> DecodedPass:
    """Decode all images once, with the given depth."""
    decoded: Counter[str] = Counter()
    measured: Counter[str] = Counter()
    unreadable: dict[int, str] = {}
    pages: dict[int, int] = {}
    values: ValueRange | None = None
    with (
        decode_in_workers(folder, listing.root, size, workers, options) as reports,
        tqdm(total=len(listing), desc="Decoding", unit=" images", disable=None) as bar,
    ):
        if on_decoding is not None:
            on_decoding()
        for kind, subject, text in reports:
            if kind == "failure":
                raise OSError(int(subject), text)
            if kind == "values":
                values = join_ranges(values, _range(subject, text))
                continue
            if kind == "pages":
                pages[int(subject)] = int(text)
                continue
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
    return DecodedPass(_sides(*decoded or ["0x0"]), unreadable, values, pages)


def _range(kind: str, text: str) -> ValueRange:
    low, high = (int(number) if kind == "whole" else float(number) for number in text.split())
    return ValueRange(low, high, kind)  # type: ignore[arg-type]


def _sides(size: str) -> tuple[int, int]:
    height, width = size.split("x")
    return int(height), int(width)


def _check_room(folder: Path, count: int, height: int, width: int) -> None:
    needed, free = count * height * width * 3, shutil.disk_usage(folder).free
    if needed > free:
        shortage = f"{needed / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free"
        raise OSError(errno.ENOSPC, shortage)
