"""The result of an exploration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imbclf.data.decoding import Header
from imbclf.data.exploration.color_statistics import ColorStatistics
from imbclf.data.exploration.duplicates import Duplicates, duplicate_groups
from imbclf.data.exploration.fold_leakage import FoldLeakage
from imbclf.data.listing import Listing

LARGE_SHARE = 0.05  # of the images in one group, from which likeness is rather that of the set


@dataclass(frozen=True, eq=False)
class Exploration:
    """What `explore` found.

    Attributes:
        listing: the `N` readable images.
        unreadable: names of the unreadable images.
        headers: `[N]`, one for each readable image.
        pixels: uint8 `[N, H, W, 3]`.
        resized: whether `pixels` are resized.
        colors: color statistics and the mean image of each class.
        pairs: duplicates among the images.
        groups: `[N]`, group numbers: duplicates, and images of one given group, share a number.
        folds: how many duplicates random folds split; None if folds cannot be drawn.
        test_listing: the `M` images of the test folder; None without one.
        test_pixels: uint8 `[M, H, W, 3]`.
        test_pairs: duplicates between the images (`first`) and the test images (`second`).
        seconds: duration of the exploration.
        likeness: least likeness of near duplicates that was asked for.
        blank: indices of images that show nothing.
        columns: `N` values of each further column of the table of labels, by name.
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
    likeness: float
    blank: NDArray[np.int64]
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Return the labels 0 and 1, `[N]`."""
        return self.listing.known_labels

    @property
    def contradictions(self) -> NDArray[np.bool_]:
        """Return for each pair whether its two images have different labels, `[P]`."""
        first, second = (self.labels[rows] for rows in (self.pairs.first, self.pairs.second))
        return np.asarray(first != second)

    @cached_property
    def largest_group(self) -> int:
        """Return the number of images in the largest group of duplicates; 0 without any."""
        if not len(self.pairs):
            return 0
        return int(np.bincount(duplicate_groups(len(self.listing), self.pairs)).max())

    @property
    def one_group_is_large(self) -> bool:
        """Return whether the largest group holds 5 % of the images or more: too many to be copies.

        A group of two is none, however few the images are.
        """
        return self.largest_group > max(2, LARGE_SHARE * len(self.listing) - 1e-9)
