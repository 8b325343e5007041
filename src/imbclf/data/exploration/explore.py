"""Explore a labeled folder before any training."""

import itertools
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imbclf.data.dataset import LabelledFolder
from imbclf.data.decoding import Header
from imbclf.data.exploration.blank_images import find_blank_images
from imbclf.data.exploration.color_statistics import color_statistics
from imbclf.data.exploration.duplicates import (
    Duplicates,
    confirm_copies,
    duplicate_groups,
    find_duplicates,
    first_copies,
    pairs_across,
)
from imbclf.data.exploration.fold_leakage import measure_fold_leakage
from imbclf.data.exploration.gray_images import GrayImages, gray_images
from imbclf.data.exploration.near_duplicates import LIKENESS
from imbclf.data.exploration.result import Exploration
from imbclf.data.image_cache import decode_images, open_images
from imbclf.data.image_headers import one_size, read_headers
from imbclf.data.listing import Listing, list_images
from imbclf.data.pixel_options import PixelOptions
from imbclf.utils.checks import check_range

LARGEST = 256  # longest side, in pixels, of images that are not resized
SMALL = (64, 64)  # height and width that larger images, or images of several sizes, are resized to
Part = tuple[NDArray[np.uint8], Listing]  # pixels [N, H, W, 3] and their listing


def explore(
    data: LabelledFolder,
    test_dir: Path | None,
    folds: int,
    seed: int,
    try_groups: bool,
    likeness: float = LIKENESS,
    listed: Listing | None = None,
) -> Exploration:
    """Return the duplicates, colors, file traits and fold leakage of a labeled folder.

    Args:
        data: the folder. Without `image_size`, images are resized to 64 x 64 if they differ in
            size or are larger than 256 pixels.
        test_dir: a folder of images that should share none with `data`, or None.
        folds: number of random folds that duplicates are checked against.
        seed: seed of the folds.
        try_groups: whether to draw the folds a second time with duplicates as groups.
        likeness: least likeness of near duplicates, 0 to 1: their correlation without what the
            images of the set have in common.
        listed: the images of the folder, if they are listed already.

    Raises:
        UserError: `likeness` is out of range, or as `list_labelled`, `list_images` and
            `open_images`.
    """
    check_range("likeness", likeness, at_least=0, at_most=1)
    start = time.perf_counter()
    threads = os.cpu_count() or 1
    everything = data.list_files() if listed is None else listed
    test_everything = None if test_dir is None else list_images(test_dir)
    headers = read_headers(everything, threads)
    size, resized = _choose_size(data, headers)
    parts, options = _decode(data, everything, test_everything, size)
    pixels, listing = parts[0]
    kept = np.isin(everything.files, listing.files)
    test_pixels, test_listing = parts[1] if len(parts) > 1 else (None, None)
    images = gray_images(*(part for part, _ in parts), threads=threads)
    pairs, test_pairs = _find_pairs(parts, images, resized, threads, likeness, options)
    groups = duplicate_groups(len(listing), pairs, listing.groups)
    return Exploration(
        listing=listing,
        unreadable=everything.files[~kept].tolist(),
        headers=[header for header, keep in zip(headers, kept, strict=True) if keep and header],
        pixels=pixels,
        resized=resized,
        colors=color_statistics(pixels, listing.known_labels),
        pairs=pairs,
        groups=groups,
        folds=measure_fold_leakage(listing, pairs, groups, folds, seed, try_groups),
        test_listing=test_listing,
        test_pixels=test_pixels,
        test_pairs=test_pairs,
        seconds=time.perf_counter() - start,
        likeness=likeness,
        columns={name: cells.tolist() for name, cells in listing.columns.items()},
        blank=find_blank_images(pixels, images.thumbs[: len(pixels)]),
    )


def _decode(
    data: LabelledFolder,
    listing: Listing,
    tests: Listing | None,
    size: tuple[int, int] | None,
) -> tuple[list[Part], PixelOptions]:
    """Decode the images, and those of the test folder in the same way, with the options used."""
    opening = Path(data.cache_dir), data.on_corrupt
    decoded = decode_images(listing, size, *opening, options=data.pixel_options)
    parts = [(decoded.pixels, decoded.listing)]
    if tests is not None:
        height, width = decoded.pixels.shape[1:3]
        parts.append(open_images(tests, (height, width), *opening, options=decoded.options))
    return parts, decoded.options


def _find_pairs(
    parts: Sequence[Part],
    images: GrayImages,
    resized: bool,
    threads: int,
    likeness: float,
    options: PixelOptions,
) -> tuple[Duplicates, Duplicates | None]:
    """Return the duplicates within the first part, and those between it and the second, if any."""
    originals = first_copies(itertools.chain.from_iterable(pixels for pixels, _ in parts))
    if resized or len(parts) > 1:
        paths = [f"{part.root}/{file}" for _, part in parts for file in part.files.tolist()]
        originals = confirm_copies(originals, paths, options)
    found = find_duplicates(originals, images, threads, likeness)
    count = len(parts[0][1])
    test_pairs = pairs_across(found, images.thumbs, count) if len(parts) > 1 else None
    return found.take(found.second < count), test_pairs


def _choose_size(
    data: LabelledFolder, headers: Sequence[Header | None]
) -> tuple[tuple[int, int] | None, bool]:
    """Return the (height, width) to resize to, None for no resizing, and whether files differ."""
    native = one_size(headers)
    if isinstance(data.image_size, int):
        size: tuple[int, int] | None = (data.image_size, data.image_size)
    elif data.image_size is not None:
        height, width = data.image_size
        size = (height, width)
    else:
        size = None if native is not None and max(native) <= LARGEST else SMALL
    return size, size is not None and size != native
