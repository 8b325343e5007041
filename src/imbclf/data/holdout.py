"""Held-out images: excluded from all training and selection, for one final evaluation."""

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
SEED = 20_231  # fixed, so that runs with different seeds hold out the same images


def hold_out(listing: Listing, share: float) -> tuple[Listing, Listing | None]:
    """Split a labeled listing into images for experiments and held-out images.

    The share is the same for each class, and the split is deterministic. Groups are not split.

    Args:
        listing: labeled images.
        share: share to hold out, 0 to below 1.

    Returns:
        The images for experiments, and the held-out ones; None if the share is 0.

    Raises:
        UserError: one part would lack a class.

    >>> listing = Listing(Path("p"), np.array([*"abcdefgh"]), np.array([0, 0, 0, 0, 1, 1, 1, 1]))
    >>> rest, held = hold_out(listing, 0.25)
    >>> len(rest), held.labels.tolist()
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
                f"data.holdout={share}: expected 2 or more images or groups of each class, so that "
                "both sides have both classes; choose another share, or 0"
            )
    return listing.take(np.flatnonzero(~drawn)), listing.take(np.flatnonzero(drawn))


def write_holdout(run: Path, held: Listing) -> None:
    """Write the files and labels of the held-out images to `holdout.csv` of a run."""
    write_table(run / HOLDOUT, {"file": held.files, "label": held.labels})


def find_holdout(run: Path, listing: Listing) -> Listing:
    """Return the images of a listing that a run held out, in the listing's order.

    Raises:
        UserError: the run held out no images, or one of them is missing or has another label.
    """
    path = run / HOLDOUT
    if not path.exists():
        raise UserError(
            f"{run} has no held-out images (no {HOLDOUT}); train with data.holdout=0.2, or choose "
            "other labeled images with data.dir=PATH"
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
