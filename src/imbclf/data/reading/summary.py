"""A listing in numbers and in a few lines: what takes part, and what does not."""

from collections import Counter
from typing import Any

import numpy as np

from imbclf.data.listing import Listing
from imbclf.utils.arrays import class_counts


def listing_summary(listing: Listing) -> dict[str, Any]:
    """Return counts of images, groups and parts, and the account, as JSON."""
    parts = None if listing.parts is None else dict(sorted(Counter(listing.parts.tolist()).items()))
    return {
        "images": len(listing),
        "label_names": list(listing.label_names),
        "class_counts": None if listing.labels is None else list(class_counts(listing.labels)),
        "groups": None if listing.groups is None else len(np.unique(listing.groups)),
        "parts": parts,
        **listing.account.to_json(),
    }


def listing_lines(listing: Listing) -> list[str]:
    """Return what was listed in a few lines for a terminal.

    >>> from pathlib import Path
    >>> listing = Listing(Path("p"), np.array(["a", "b", "c"]), np.array([0, 1, 1]))
    >>> listing_lines(listing)
    ['3 images: 1 of label 0, 2 of label 1']
    """
    found = listing_summary(listing)
    line = f"{len(listing):,} images"
    if found["class_counts"] is not None:
        pairs = zip(found["class_counts"], listing.label_names, strict=True)
        line += ": " + ", ".join(f"{count:,} of label {name}" for count, name in pairs)
    if found["groups"] is not None:
        line += f"; {found['groups']:,} groups"
    if found["parts"] is not None:
        named = (f"{count:,} {name or 'in no part'}" for name, count in found["parts"].items())
        line += f"; parts: {', '.join(named)}"
    return [line, *listing.account.lines()]
