"""Further columns of the table of labels (site, camera, kind), crossed with the label."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imbclf.data.image_headers import Trait, leaky_traits, traits

VALUES = 50  # most frequent values listed of a column


def cross_with_label(values: Sequence[str], labels: NDArray[np.int64]) -> list[Trait]:
    """Return how many images of each label have each value, the most common value first.

    Args:
        values: `[N]`, the value of each image.
        labels: `[N]`, 0 or 1.

    >>> cross_with_label(["Bern", "Rome", "Bern"], np.array([0, 1, 1]))
    [Trait(value='Bern', zeros=1, ones=1), Trait(value='Rome', zeros=0, ones=1)]
    """
    return traits(values, labels)


def column_facts(
    columns: Mapping[str, Sequence[str]], labels: NDArray[np.int64]
) -> dict[str, dict[str, Any]]:
    """Return of each column its number of values, and label counts of the 50 most frequent ones."""
    found = {}
    for name, values in columns.items():
        rows = cross_with_label(values, labels)
        listed = [
            {"value": row.value, "label_0": row.zeros, "label_1": row.ones} for row in rows[:VALUES]
        ]
        found[name] = {"values": len(rows), "rows": listed}
    return found


def telling_value(values: Sequence[str], labels: NDArray[np.int64]) -> Trait | None:
    """Return the value whose shares among the two labels differ most, if by .1 or more.

    >>> telling_value(["Bern", "Bern", "Rome", "Rome"], np.array([0, 0, 1, 1]))
    Trait(value='Bern', zeros=2, ones=0)
    """
    ones = max(1, int(labels.sum()))
    zeros = max(1, len(labels) - int(labels.sum()))
    rows = leaky_traits(cross_with_label(values, labels))
    return max(rows, key=lambda row: abs(row.zeros / zeros - row.ones / ones), default=None)
