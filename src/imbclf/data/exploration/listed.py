"""An exploration that stops after the listing: nothing is decoded."""

from pathlib import Path

from imbclf.data.listing import Listing
from imbclf.data.reading.summary import listing_summary
from imbclf.data.reading.write_listing import write_listing
from imbclf.utils.tables import write_json
from imbclf.utils.version import __version__

EXPLORE_JSON = "explore.json"


def write_listed(listing: Listing, out: Path) -> None:
    """Write `listing.csv`, `left_out.csv` and, without what needs pixels, `explore.json`.

    Args:
        listing: labeled images.
        out: the folder to write to.
    """
    write_listing(listing, out)
    found = {"version": __version__, "dir": str(listing.root), "listing": listing_summary(listing)}
    write_json(out / EXPLORE_JSON, found)
