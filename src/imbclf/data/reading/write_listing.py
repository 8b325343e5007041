"""The listing of a data set as tables: what takes part, and what does not."""

import os
from pathlib import Path
from posixpath import join

import numpy as np

from imbclf.data.listing import Listing
from imbclf.utils.tables import write_table

LISTING, LEFT_OUT = "listing.csv", "left_out.csv"


def write_listing(listing: Listing, out: Path) -> None:
    """Write `listing.csv` and `left_out.csv` into a folder.

    The first has the columns file (relative to the data folder), label, group, part and source, and
    `data.labels` takes it again; the second file, reason and label of what takes no part.

    Args:
        listing: labeled images.
        out: the folder to write to.
    """
    home = Path(listing.account.folder or listing.root).absolute()
    head = os.path.relpath(listing.root.absolute(), home).replace(os.sep, "/")
    blank = np.full(len(listing), "")
    files = listing.files if head == "." else np.array([join(head, file) for file in listing.files])
    columns = {
        "file": files,
        "label": blank if listing.labels is None else listing.labels,
        "group": blank if listing.groups is None else listing.groups,
        "part": blank if listing.parts is None else listing.parts,
        "source": blank if listing.sources is None else listing.sources,
    }
    write_table(
        out / LISTING, {name: cells for name, cells in columns.items() if cells is not None}
    )
    rows = listing.account.left_out
    left_out = {
        name: np.array([getattr(row, name) for row in rows], np.str_)
        for name in ("file", "reason", "label")
    }
    write_table(out / LEFT_OUT, left_out)
