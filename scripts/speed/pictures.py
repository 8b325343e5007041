"""The images that everything is measured on: the first of a folder, under names of their own."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imbclf.data.image_cache import open_images
from imbclf.data.reading.options import ReadingOptions
from imbclf.data.reading.read import list_labelled
from imbclf.data.splits import Fold, stratified_folds

FOLDS = 5


@dataclass(frozen=True, eq=False)
class Pictures:
    """Labeled images of one size.

    Attributes:
        root: a folder that imbclf-train reads.
        files: their paths, in order.
        labels: int64 `[N]`.
        shape: height and width in pixels.
        is_resized: whether the files have other sizes.
        fold: the first of five, as imbclf-train makes it with seed 0.
    """

    root: Path
    files: list[str]
    labels: NDArray[np.int64]
    shape: tuple[int, int]
    is_resized: bool
    fold: Fold

    def __len__(self) -> int:
        return len(self.files)


def link_pictures(
    data: Path, count: int | None, folder: Path, cache: Path, size: int | None = None
) -> Pictures:
    """Link the first `count` images of `data` into `folder`, and decode them into `cache`.

    With a `size` they are resized to a square of so many pixels.

    Symbolic links: hard ones would change the files' ctime, and so the key of the user's own cache.

    Raises:
        UserError: where imbclf-train would refuse the folder.
    """
    listing = list_labelled(data, ReadingOptions())
    listing = listing.take(np.arange(min(count or len(listing), len(listing))))
    assert listing.labels is not None
    (folder / "images").mkdir(parents=True)
    lines = ["file,label"]
    files = []
    pairs = zip(listing.files.tolist(), listing.labels.tolist(), strict=True)
    for number, (file, label) in enumerate(pairs):
        name = f"images/{number:07d}{Path(file).suffix}"
        os.symlink((listing.root / file).resolve(), folder / name)  # noqa: PTH211 (shorter)
        files.append(str(folder / name))
        lines.append(f"{name},{label}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shape = None if size is None else (size, size)
    pixels, _ = open_images(list_labelled(folder, ReadingOptions()), shape, cache)
    height, width = pixels.shape[1:3]
    fold = stratified_folds(listing.labels, FOLDS, seed=0)[0]
    return Pictures(folder, files, listing.labels, (height, width), size is not None, fold)
