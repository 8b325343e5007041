"""Held-out images: excluded from all training and selection, for one final evaluation."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from imbclf.data.listing import Listing
from imbclf.data.stratified import draw_stratified, take_stratified
from imbclf.errors import UserError
from imbclf.utils.arrays import number_groups
from imbclf.utils.safe_reading import readable
from imbclf.utils.tables import write_table

HOLDOUT = "holdout.csv"
SEED = 20_231  # of version 0.1


def hold_out(listing: Listing, share: float) -> tuple[Listing, Listing | None]:
    """Split a labeled listing into images for experiments and held-out images.

    The share is the same for each class. Which images it is depends on their names alone (with
    groups: on the names of the groups, which are not split), neither on a seed nor on their order:
    runs with different seeds hold out the same images, and of some images more only the share is
    held out as well, but for a few at the margin.

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
    ranks = name_hashes(listing.files if listing.groups is None else listing.groups)
    return _divide(
        listing, share, take_stratified(*_wanted(listing, share), ranks, _groups(listing))
    )


def hold_out_by_seed(listing: Listing, share: float) -> tuple[Listing, Listing]:
    """Split a listing as `hold_out` of version 0.1 did, for its studies.

    Raises:
        UserError: one part would lack a class.
    """
    rng = np.random.default_rng(SEED)
    return _divide(listing, share, draw_stratified(*_wanted(listing, share), rng, _groups(listing)))


def _wanted(listing: Listing, share: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the labels, and the number of images of each to hold out."""
    labels = listing.known_labels
    return labels, np.bincount(labels, minlength=2).astype(np.float64) * share


def _groups(listing: Listing) -> NDArray[np.int64] | None:
    return None if listing.groups is None else number_groups(listing.groups, listing.known_labels)


def _divide(listing: Listing, share: float, drawn: NDArray[np.bool_]) -> tuple[Listing, Listing]:
    for side in (drawn, ~drawn):
        if len(np.unique(listing.known_labels[side])) < 2:
            raise UserError(
                f"data.holdout={share}: expected 2 or more images or groups of each class, so that "
                "both sides have both classes; choose another share, or 0"
            )
    return listing.take(np.flatnonzero(~drawn)), listing.take(np.flatnonzero(drawn))


def name_hashes(names: ArrayLike) -> NDArray[np.uint64]:
    """Return a number for each name, evenly spread and always the same: uint64 `[N]`.

    >>> name_hashes(["a.jpg", "b.jpg"]).tolist()
    [18322877502207469449, 10824470020215529182]
    """
    return np.array([_hash(str(name)) for name in np.asarray(names).tolist()], dtype=np.uint64)


def _hash(name: str) -> int:
    digest = hashlib.blake2b(name.encode(errors="surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def write_holdout(run: Path, held: Listing) -> None:
    """Write the files and labels of the held-out images to `holdout.csv` of a run."""
    write_table(run / HOLDOUT, {"file": held.files, "label": held.labels})


def hold_out_again(listing: Listing, share: float, run: Path) -> tuple[Listing, Listing | None]:
    """Split a listing as the run did that is resumed, or by `hold_out` where it is a new one.

    Raises:
        UserError: as `hold_out` and `find_holdout`.
    """
    if share == 0 or not (run / HOLDOUT).exists():
        return hold_out(listing, share)
    held = find_holdout(run, listing)
    rest = np.flatnonzero(~np.isin(listing.files, held.files))
    return listing.take(rest), held


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
    relabeled = int((listing.known_labels[rows] != labels).sum())
    if relabeled:
        raise UserError(f"{path}: {relabeled} images have another label now")
    return listing.take(np.sort(rows))
