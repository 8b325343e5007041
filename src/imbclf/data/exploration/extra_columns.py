"""Further columns of the table of labels (site, camera, kind), crossed with the label."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imbclf.data.image_headers import Trait, leaky_traits, trait_rows, traits

VALUES = 50  # most frequent values listed of a column


def column_facts(
    columns: Mapping[str, Sequence[str]], labels: NDArray[np.int64]
) -> dict[str, dict[str, Any]]:
    """Return of each column its number of values, and label counts of the 50 most frequent ones."""
    found = {}
    for name, values in columns.items():
        rows = traits(values, labels)
        found[name] = {"values": len(rows), "rows": trait_rows(rows[:VALUES], "value")}
    return found


def telling_value(values: Sequence[str], labels: NDArray[np.int64]) -> Trait | None:
    """Return the value whose shares among the two labels differ most, if by .1 or more.

    >>> telling_value(["Bern", "Bern", "Rome", "Rome"], np.array([0, 0, 1, 1]))
    Trait(value='Bern', zeros=2, ones=0)
    """
    ones = max(1, int(labels.sum()))
    zeros = max(1, len(labels) - int(labels.sum()))
    rows = leaky_traits(traits(values, labels))
    return max(rows, key=lambda row: abs(row.zeros / zeros - row.ones / ones), default=None)
