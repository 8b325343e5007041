"""What the files of a listing are, by their headers: formats, modes, sizes."""

import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imbclf.data.decoding import Header, UnreadableImage, read_header
from imbclf.data.listing import Listing

MIN_SHARE_GAP = 0.1  # difference of two shares that gives a label away


class Trait(NamedTuple):
    """How many images of label 0 and of label 1 share something, say the mode L."""

    value: str
    zeros: int
    ones: int


def read_headers(listing: Listing, threads: int = 1) -> list[Header | None]:
    """Read the header of every image; None where it cannot be read."""
    root = str(listing.root)

    def read(file: str) -> Header | None:
        try:
            return read_header(f"{root}/{file}")
        except UnreadableImage:
            return None

    with warnings.catch_warnings(), ThreadPoolExecutor(threads) as pool:
        warnings.simplefilter("ignore")  # what Pillow remarks on images that it reads all the same
        return list(pool.map(read, listing.files.tolist(), chunksize=256))


def one_size(headers: Sequence[Header | None]) -> tuple[int, int] | None:
    """Return the height and width of all images, or None where they differ or none can be read."""
    sizes = {(header.height, header.width) for header in headers if header is not None}
    return sizes.pop() if len(sizes) == 1 else None


def traits(values: Sequence[str], labels: NDArray[np.int64]) -> list[Trait]:
    """Count the values of images `[N]` by their labels, the commonest first.

    >>> traits(["RGB", "L", "RGB"], np.array([0, 1, 1]))
    [Trait(value='RGB', zeros=1, ones=1), Trait(value='L', zeros=0, ones=1)]
    """
    counts = Counter(zip(values, labels.tolist(), strict=True))
    names = {value for value, _ in counts}
    rows = [Trait(name, counts[name, 0], counts[name, 1]) for name in names]
    return sorted(rows, key=lambda row: (-row.zeros - row.ones, row.value))


def leaky_traits(rows: Sequence[Trait]) -> list[Trait]:
    """Choose what is commoner in one label than in the other, by a tenth of its images or more.

    >>> leaky_traits([Trait("JPEG", 90, 100), Trait("PNG", 10, 0)])
    [Trait(value='JPEG', zeros=90, ones=100), Trait(value='PNG', zeros=10, ones=0)]
    """
    zeros, ones = sum(row.zeros for row in rows), sum(row.ones for row in rows)
    return [row for row in rows if abs(row.zeros / zeros - row.ones / ones) >= MIN_SHARE_GAP - 1e-9]
