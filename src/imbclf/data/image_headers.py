"""File formats, color modes and sizes of the images of a listing, by label."""

import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imbclf.data.decoding import Header, UnreadableImage, read_header
from imbclf.data.listing import Listing
from imbclf.data.opening import pixel_limit

MIN_SHARE_GAP = 0.1  # least difference of shares between the classes for a leaky trait


class Trait(NamedTuple):
    """Number of images of label 0 and of label 1 with one value of a trait, such as mode L."""

    value: str
    zeros: int
    ones: int


def read_headers(listing: Listing, threads: int = 1) -> list[Header | None]:
    """Read the header of each image, `[N]`; None for unreadable images."""
    root = str(listing.root)

    def read(file: str) -> Header | None:
        try:
            return read_header(f"{root}/{file}")
        except UnreadableImage:
            return None

    # A header costs the same whatever the size of its image: no limit.
    with warnings.catch_warnings(), pixel_limit(None), ThreadPoolExecutor(threads) as pool:
        warnings.simplefilter("ignore")  # Pillow warns about images that it can read
        return list(pool.map(read, listing.files.tolist(), chunksize=256))


def one_size(headers: Sequence[Header | None]) -> tuple[int, int] | None:
    """Return the common (height, width) of all images; None if they differ or none is readable."""
    sizes = {(header.height, header.width) for header in headers if header is not None}
    return sizes.pop() if len(sizes) == 1 else None


def traits(values: Sequence[str], labels: NDArray[np.int64]) -> list[Trait]:
    """Count the values of a trait by label, the most common value first.

    Args:
        values: `[N]`, the value of each image.
        labels: `[N]`, 0 or 1.

    >>> traits(["RGB", "L", "RGB"], np.array([0, 1, 1]))
    [Trait(value='RGB', zeros=1, ones=1), Trait(value='L', zeros=0, ones=1)]
    """
    counts = Counter(zip(values, labels.tolist(), strict=True))
    names = {value for value, _ in counts}
    rows = [Trait(name, counts[name, 0], counts[name, 1]) for name in names]
    return sorted(rows, key=lambda row: (-row.zeros - row.ones, row.value))


def trait_rows(rows: Sequence[Trait], name: str) -> list[dict[str, Any]]:
    """Return the counts of a trait as JSON; `name` is the key of its values.

    >>> trait_rows([Trait("RGB", 1, 2)], "mode")
    [{'mode': 'RGB', 'label_0': 1, 'label_1': 2}]
    """
    return [{name: row.value, "label_0": row.zeros, "label_1": row.ones} for row in rows]


def leaky_traits(rows: Sequence[Trait]) -> list[Trait]:
    """Return the values whose shares differ by .1 or more between the classes: label leakage.

    >>> leaky_traits([Trait("JPEG", 90, 100), Trait("PNG", 10, 0)])
    [Trait(value='JPEG', zeros=90, ones=100), Trait(value='PNG', zeros=10, ones=0)]
    """
    zeros, ones = sum(row.zeros for row in rows), sum(row.ones for row in rows)
    return [row for row in rows if abs(row.zeros / zeros - row.ones / ones) >= MIN_SHARE_GAP - 1e-9]
