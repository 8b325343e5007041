"""Groups of images that look alike, which do not grow by chains of weak links."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

LARGEST_CHAIN = 20  # images of a group up to which any pair joins two groups


def connected_groups(
    count: int, first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the number of each item's connected component, int64 `[count]`.

    Args:
        count: number of items.
        first: `[P]`, one end of each link.
        second: `[P]`, the other end.

    >>> connected_groups(4, np.array([0]), np.array([2])).tolist()
    [0, 1, 0, 2]
    """
    links = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], np.int64)


def limited_groups(
    count: int,
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    similarity: NDArray[np.float64],
    strict: float,
) -> NDArray[np.int64]:
    """Return group numbers, int64 `[count]`; large groups are joined by strong links only.

    Links are taken from the strongest to the weakest. One weaker than `strict` does not join two
    groups that together have more than 20 items: A like B and B like C says little about A and C.

    Args:
        count: number of items.
        first: `[P]`, one end of each link.
        second: `[P]`, the other end.
        similarity: `[P]`, strength of each link.
        strict: least strength of a link in a group of any size.

    >>> first, strength = np.arange(39), np.full(39, 0.8)
    >>> np.bincount(limited_groups(40, first, first + 1, strength, strict=0.9)).tolist()
    [20, 20]
    >>> np.bincount(limited_groups(40, first, first + 1, strength, strict=0.7)).tolist()
    [40]
    """
    parents, sizes = list(range(count)), [1] * count

    def root(item: int) -> int:
        while parents[item] != item:
            parents[item] = parents[parents[item]]
            item = parents[item]
        return item

    for link in np.argsort(-similarity, kind="stable").tolist():
        one, two = root(int(first[link])), root(int(second[link]))
        size = sizes[one] + sizes[two]
        if one != two and (size <= LARGEST_CHAIN or similarity[link] >= strict):
            parents[max(one, two)], sizes[min(one, two)] = min(one, two), size
    roots = [root(item) for item in range(count)]
    return np.unique(roots, return_inverse=True)[1].astype(np.int64)
