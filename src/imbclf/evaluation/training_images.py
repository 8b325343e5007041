"""The images that a run was trained on, and which of them another evaluation meets again."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imbclf.data.digests import pixel_digests
from imbclf.data.listing import Listing
from imbclf.utils.safe_reading import readable
from imbclf.utils.tables import check_columns, write_table
from imbclf.utils.text import first_few

log = logging.getLogger("imbclf")
IMAGES = "images.csv"


def write_training_images(run: Path, listing: Listing, pixels: NDArray[np.uint8]) -> None:
    """Write `images.csv`: name, label, digest of the pixels and, if known, group of each image.

    Args:
        run: the run directory.
        listing: the images of all folds.
        pixels: uint8 `[N, H, W, 3]`.
    """
    columns = {"file": listing.files, "label": listing.labels, "digest": pixel_digests(pixels)}
    write_table(
        run / IMAGES, columns if listing.groups is None else {**columns, "group": listing.groups}
    )


def read_training_images(run: Path) -> pd.DataFrame | None:
    """Read `images.csv`; None where there is none, as in runs of version 0.1.

    Raises:
        UserError: it is damaged.
    """
    path = run / IMAGES
    if not path.exists():
        return None
    with readable(path, "the images of a run of imbclf-train", "Delete it to do without"):
        as_written = dict.fromkeys(("file", "digest", "group"), str)
        table = pd.read_csv(path, keep_default_na=False, dtype=as_written)
        check_columns(table, ("file", "label", "digest"))
        if not table["label"].isin([0, 1]).all():
            raise ValueError("label: expected 0 and 1")
    return table


@dataclass(frozen=True)
class SharedImages:
    """What images have in common with those that a run was trained on.

    Attributes:
        images: their number.
        copies: those whose pixels are the same as of a training image.
        groups: names of their groups that training images have too.
        in_groups: images of these groups.
    """

    images: int
    copies: int
    groups: tuple[str, ...]
    in_groups: int

    @property
    def counts(self) -> Mapping[str, int]:
        """Return the numbers that `evaluation.json` has."""
        return {"copies": self.copies, "groups": len(self.groups)}


def find_shared(
    run: Path | None, listing: Listing, pixels: NDArray[np.uint8]
) -> SharedImages | None:
    """Compare images with those that a run was trained on, and warn of what they share.

    Args:
        run: the run directory, or None where it is not known.
        listing: the images to evaluate on.
        pixels: uint8 `[N, H, W, 3]`, decoded as for that run.

    Returns:
        None where the run's images are not known.

    Raises:
        UserError: as `read_training_images`.
    """
    known = None if run is None else read_training_images(run)
    if known is None:
        return None
    copies = int(np.isin(pixel_digests(pixels), known["digest"].to_numpy(str)).sum())
    groups: tuple[str, ...] = ()
    in_groups = 0
    if listing.groups is not None and "group" in known:
        is_shared = np.isin(listing.groups, known["group"].to_numpy(str))
        groups = tuple(np.unique(listing.groups[is_shared]).tolist())
        in_groups = int(is_shared.sum())
    shared = SharedImages(len(listing), copies, groups, in_groups)
    for sentence in warnings_of(shared):
        log.warning("%s", sentence)
    return shared


def warnings_of(shared: SharedImages) -> list[str]:
    """Return a sentence for each way in which the error is too optimistic.

    >>> for sentence in warnings_of(SharedImages(50, 0, ("anna", "bob"), 7)):
    ...     print(sentence)
    2 groups of these images (anna, bob: 7 of 50 images) have the name of a group that the run was \
trained on: if they are the same, the error is too optimistic
    """
    found = []
    if shared.copies:
        found.append(
            f"{shared.copies:,} of these {shared.images:,} images are copies of images that the "
            "run was trained on: the error is too optimistic. Give images that it never saw"
        )
    if shared.groups:
        names = first_few(shared.groups, 3)
        found.append(
            f"{len(shared.groups):,} groups of these images ({names}: {shared.in_groups:,} of "
            f"{shared.images:,} images) have the name of a group that the run was trained on: if "
            "they are the same, the error is too optimistic"
        )
    return found
