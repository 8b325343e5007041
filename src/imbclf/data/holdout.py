"""Images that take no part in anything, until the one run that was chosen is judged on them."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imbclf.data.listing import Listing
from imbclf.data.stratified import draw_stratified
from imbclf.errors import UserError
from imbclf.utils.arrays import number_groups
from imbclf.utils.safe_reading import readable
from imbclf.utils.tables import write_table

HOLDOUT = "holdout.csv"
SEED = 20_231  # the same images whatever the experiment's seed is, so that runs can be compared


def hold_out(listing: Listing, share: float) -> tuple[Listing, Listing | None]:
    """Divide a labeled listing into what experiments see and what is held out of them.

    Of each class the same share is held out, the same images for the same listing and share;
    groups are held out whole or not at all.

    Raises:
        UserError: nothing of a class would be left on one of the sides.

    >>> listing = Listing(Path("p"), np.array([*"abcdefgh"]), np.array([0, 0, 0, 0, 1, 1, 1, 1]))
    >>> seen, held = hold_out(listing, 0.25)
    >>> len(seen), held.labels.tolist()
    (6, [0, 1])
    """
    if share == 0:
        return listing, None
    labels = listing.labels
    assert labels is not None
    groups = None if listing.groups is None else number_groups(listing.groups, labels)
    wanted = np.bincount(labels, minlength=2).astype(np.float64) * share
    drawn = draw_stratified(labels, wanted, np.random.default_rng(SEED), groups)
    for side in (drawn, ~drawn):
        if len(np.unique(labels[side])) < 2:
            raise UserError(
                f"data.holdout={share}: of one class too few images or groups are left on one "
                "side. Expected at least two of each class; choose another share, or 0"
            )
    return listing.take(np.flatnonzero(~drawn)), listing.take(np.flatnonzero(drawn))


def write_holdout(run: Path, held: Listing) -> None:
    """Write which images a run did not see."""
    write_table(run / HOLDOUT, {"file": held.files, "label": held.labels})


def find_holdout(run: Path, listing: Listing) -> Listing:
    """Return the part of a listing that a run held out, in the listing's order.

    Raises:
        UserError: the run held nothing out, or a file is no longer there or labeled otherwise.
    """
    path = run / HOLDOUT
    if not path.exists():
        raise UserError(
            f"{run} held no images out (no {HOLDOUT}). Train with data.holdout=0.2, or give other "
            "labeled images: data.dir=PATH"
        )
    with readable(path, "the table of held-out images of a run of imbclf-train"):
        stored = pd.read_csv(path, keep_default_na=False, dtype={"file": str})
        files, labels = stored["file"], stored["label"].to_numpy(np.int64)
    places = {name: place for place, name in enumerate(listing.files.tolist())}
    missing = [name for name in files if name not in places]
    if missing:
        raise UserError(f"{path}: {len(missing)} images are no longer there, first {missing[0]}")
    rows: NDArray[np.int64] = np.array([places[name] for name in files])
    assert listing.labels is not None
    relabeled = int((listing.labels[rows] != labels).sum())
    if relabeled:
        raise UserError(f"{path}: {relabeled} images have another label now")
    return listing.take(np.sort(rows))
