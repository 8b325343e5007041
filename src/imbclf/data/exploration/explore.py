"""A labeled folder looked at before any training: what is in it, and what that means."""

import itertools
import logging
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imbclf.data.dataset import LabelledFolder
from imbclf.data.decoding import Header
from imbclf.data.exploration.color_statistics import (
    IMAGENET_DEVIATION,
    IMAGENET_MEAN,
    ColorStatistics,
    color_statistics,
)
from imbclf.data.exploration.duplicates import (
    Duplicates,
    confirm_copies,
    duplicate_groups,
    find_duplicates,
    first_copies,
    pairs_across,
    split_across_folds,
)
from imbclf.data.exploration.near_duplicates import connected_groups
from imbclf.data.exploration.perceptual_hash import thumbnails
from imbclf.data.image_cache import open_images
from imbclf.data.image_headers import one_size, read_headers, traits
from imbclf.data.listing import Listing, list_images
from imbclf.data.splits import stratified_folds
from imbclf.errors import UserError
from imbclf.utils.version import __version__

LARGEST = 256  # pixels of a side that is looked at as it is
SMALL = (64, 64)  # what is looked at where images are larger, or differ in size

logger = logging.getLogger("imbclf")


@dataclass(frozen=True, eq=False)
class FoldLeakage:
    """What duplicates do to folds.

    Attributes:
        folds: their number.
        split_pairs: pairs whose images lie in different parts of a fold.
        images: images that are tested while a duplicate is not.
        split_pairs_with_groups: pairs that are split_pairs where duplicates share a group; None if it was not tried.
    """

    folds: int
    split_pairs: int
    images: int
    split_pairs_with_groups: int | None


@dataclass(frozen=True, eq=False)
class Exploration:
    """What was found.

    Attributes:
        listing: the images that can be read, `N` of them.
        unreadable: names of the others.
        headers: `[N]`.
        pixels: uint8 `[N, H, W, 3]`, as they were looked at.
        resized: whether that is another size than that of the files.
        colors: colors and mean images.
        pairs: duplicates among the images.
        groups: `[N]`, numbers of what must stay together in folds.
        folds: what the duplicates do to folds; None where folds cannot be drawn.
        test_listing: the images of the test folder, `M` of them; None without one.
        test_pixels: uint8 `[M, H, W, 3]`.
        test_pairs: duplicates between the images, first, and those of the test folder, second.
        seconds: that it took.
    """

    listing: Listing
    unreadable: list[str]
    headers: list[Header]
    pixels: NDArray[np.uint8]
    resized: bool
    colors: ColorStatistics
    pairs: Duplicates
    groups: NDArray[np.int64]
    folds: FoldLeakage | None
    test_listing: Listing | None
    test_pixels: NDArray[np.uint8] | None
    test_pairs: Duplicates | None
    seconds: float

    @property
    def labels(self) -> NDArray[np.int64]:
        """Labels 0 and 1, `[N]`."""
        assert self.listing.labels is not None
        return self.listing.labels

    @property
    def contradictions(self) -> NDArray[np.bool_]:
        """Say for each of the pairs whether its images have different labels."""
        first, second = (self.labels[rows] for rows in (self.pairs.first, self.pairs.second))
        return np.asarray(first != second)


def explore(
    data: LabelledFolder, test_dir: Path | None, folds: int, seed: int, try_groups: bool
) -> Exploration:
    """Look at a folder.

    Args:
        data: the folder; its `image_size` is what images are looked at in. Without one they are
            resized to 64 x 64 where they differ in size or are larger than 256 pixels.
        test_dir: a folder of images that may not occur among them, or None.
        folds: number of the folds that duplicates are tried on.
        seed: of the folds.
        try_groups: whether to draw the folds again with duplicates in groups.

    Raises:
        UserError: as `list_labelled`, `list_images` and `open_images`.
    """
    start = time.perf_counter()
    threads = os.cpu_count() or 1
    everything = data.list_files()
    test_everything = None if test_dir is None else list_images(test_dir)
    headers = read_headers(everything, threads)
    size, resized = _size(data, headers)
    pixels, listing = open_images(everything, size, Path(data.cache_dir), data.on_corrupt)
    kept = np.isin(everything.files, listing.files)
    assert listing.labels is not None
    colors = color_statistics(pixels, listing.labels)
    seen: Iterable[NDArray[np.uint8]] = pixels
    thumbs = thumbnails(pixels, threads)
    paths = [f"{listing.root}/{file}" for file in listing.files.tolist()]
    test_pixels = test_listing = test_pairs = None
    if test_everything is not None:
        shape = (pixels.shape[1], pixels.shape[2])
        test_pixels, test_listing = open_images(
            test_everything, shape, Path(data.cache_dir), data.on_corrupt
        )
        seen = itertools.chain(pixels, test_pixels)
        thumbs = np.concatenate([thumbs, thumbnails(test_pixels, threads)])
        paths += [f"{test_listing.root}/{file}" for file in test_listing.files.tolist()]
    originals = first_copies(seen)
    if resized or test_pixels is not None:
        originals = confirm_copies(originals, paths)
    found = find_duplicates(originals, thumbs, threads)
    count = len(listing)
    pairs = found.take(found.second < count)
    if test_listing is not None:
        test_pairs = pairs_across(found, thumbs, count)
    groups = duplicate_groups(count, pairs, listing.groups)
    return Exploration(
        listing=listing,
        unreadable=everything.files[~kept].tolist(),
        headers=[header for header, keep in zip(headers, kept, strict=True) if keep and header],
        pixels=pixels,
        resized=resized,
        colors=colors,
        pairs=pairs,
        groups=groups,
        folds=_try_folds(listing, pairs, groups, folds, seed, try_groups),
        test_listing=test_listing,
        test_pixels=test_pixels,
        test_pairs=test_pairs,
        seconds=time.perf_counter() - start,
    )


def facts(found: Exploration) -> dict[str, Any]:
    """Return the contents of `explore.json`: numbers, no images. Its keys are stable."""
    listing, pairs, labels = found.listing, found.pairs, found.labels
    counts = np.bincount(labels, minlength=2).tolist()
    contradictions, kinds = found.contradictions, file_traits(found)
    test = None
    if found.test_pairs is not None and found.test_listing is not None:
        test = {
            "dir": str(found.test_listing.root),
            "images": len(found.test_listing),
            "duplicates": len(np.unique(found.test_pairs.second)),
            "exact_pairs": int(found.test_pairs.exact.sum()),
            "near_pairs": int((~found.test_pairs.exact).sum()),
        }
    return {
        "version": __version__,
        "dir": str(listing.root),
        "images": len(listing),
        "unreadable": found.unreadable,
        "label_names": list(listing.label_names),
        "class_counts": counts,
        "imbalance_ratio": max(counts) / min(counts),
        "formats": _rows(kinds["Format"], "format"),
        "modes": _rows(kinds["Mode"], "mode"),
        "sizes": _rows(kinds["Size"], "height_x_width"),
        "looked_at": {"height_width": list(found.pixels.shape[1:3]), "resized": found.resized},
        "channels": {
            "mean": found.colors.mean.tolist(),
            "deviation": found.colors.deviation.tolist(),
            "imagenet_mean": list(IMAGENET_MEAN),
            "imagenet_deviation": list(IMAGENET_DEVIATION),
        },
        "duplicates": {
            "exact_pairs": int(pairs.exact.sum()),
            "near_pairs": int((~pairs.exact).sum()),
            "images": len(np.unique([pairs.first, pairs.second])),
            "within_labels": int((~contradictions).sum()),
            "across_labels": int(contradictions.sum()),
        },
        "test": test,
        "groups": len(np.unique(found.groups)),
        "folds": None
        if found.folds is None
        else {
            "folds": found.folds.folds,
            "torn_pairs": found.folds.split_pairs,
            "tested_beside_a_duplicate": found.folds.affected_images,
            "torn_pairs_with_groups": found.folds.split_pairs_with_groups,
        },
        "seconds": found.seconds,
    }


def file_traits(found: Exploration) -> dict[str, list[Any]]:
    """Count formats, modes and sizes (height x width) by label."""
    values = {
        "Format": [header.format for header in found.headers],
        "Mode": [header.mode for header in found.headers],
        "Size": [f"{header.height} x {header.width}" for header in found.headers],
    }
    return {name: traits(column, found.labels) for name, column in values.items()}


def _rows(rows: Sequence[Any], name: str) -> list[dict[str, Any]]:
    return [{name: row.value, "label_0": row.zeros, "label_1": row.ones} for row in rows]


def _size(
    data: LabelledFolder, headers: Sequence[Header | None]
) -> tuple[tuple[int, int] | None, bool]:
    """Choose the height and width to look at, None for that of the files; say if it is another."""
    native = one_size(headers)
    if isinstance(data.image_size, int):
        size: tuple[int, int] | None = (data.image_size, data.image_size)
    elif data.image_size is not None:
        height, width = data.image_size
        size = (height, width)
    else:
        size = None if native is not None and max(native) <= LARGEST else SMALL
    return size, size is not None and size != native


def _try_folds(
    listing: Listing,
    pairs: Duplicates,
    groups: NDArray[np.int64],
    folds: int,
    seed: int,
    try_groups: bool,
) -> FoldLeakage | None:
    """Draw folds as `imbclf-train` would, and see which pairs they tear."""
    assert listing.labels is not None
    try:
        drawn = stratified_folds(listing.labels, folds, seed, listing.groups)
        again = stratified_folds(listing.labels, folds, seed, groups) if try_groups else None
    except UserError as error:
        logger.warning("FoldLeakage cannot be tried: %s", error)
        return None
    tested = np.empty(len(listing), np.int64)
    for number, fold in enumerate(drawn):
        tested[fold.test] = number
    together = connected_groups(len(listing), pairs.first, pairs.second)
    least, most = np.full(len(listing), folds), np.full(len(listing), -1)
    np.minimum.at(least, together, tested)
    np.maximum.at(most, together, tested)
    return FoldLeakage(
        folds=folds,
        split_pairs=int(split_across_folds(drawn, pairs).sum()),
        images=int((least < most)[together].sum()),
        split_pairs_with_groups=None
        if again is None
        else int(split_across_folds(again, pairs).sum()),
    )
