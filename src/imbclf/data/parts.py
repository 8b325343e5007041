"""Parts that the user made: fit, dev, test and numbered folds, checked and counted."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imbclf.data.listing import Listing
from imbclf.data.reading.part_names import DEV, FIT, TEST
from imbclf.errors import UserError
from imbclf.utils.text import first_few, text_table

DIVIDE_ANEW = "or pool all images and divide them anew: data.part=none"


def part_names(parts: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return the part of each image, `fit` where none is given: `[N]`.

    Raises:
        ValueError: a part is none of `fit`, `dev`, `test`, a number and "".

    >>> part_names(np.array(["test", "", "00", "0"])).tolist()
    ['test', 'fit', '0', '0']
    """
    names = [FIT if not part else str(int(part)) if part.isdecimal() else part for part in parts]
    if unknown := {name for name in names if not name.isdecimal()} - {FIT, DEV, TEST}:
        raise ValueError(f"parts: {first_few(sorted(unknown))} is none of fit, dev, test, 0, 1, ..")
    return np.array(names, dtype=np.str_)


def fold_numbers(names: NDArray[np.str_]) -> list[int]:
    """Return the numbers of the folds among the parts' names, ascending."""
    return sorted({int(name) for name in names.tolist() if name.isdecimal()})


def count_parts(listing: Listing) -> dict[str, list[int]]:
    """Return the images of label 0 and label 1 in each part: fit, dev, test, then the folds.

    >>> from pathlib import Path
    >>> files, parts = np.array([*"abc"]), np.array(["fit", "test", "test"])
    >>> count_parts(Listing(Path("p"), files, np.array([0, 0, 1]), parts=parts))
    {'fit': [1, 0], 'test': [1, 1]}
    """
    labels, names = listing.known_labels, _names(listing)
    order = [FIT, DEV, TEST, *map(str, fold_numbers(names))]
    return {
        part: np.bincount(labels[names == part], minlength=2).tolist()
        for part in order
        if (names == part).any()
    }


def check_parts(listing: Listing) -> None:
    """Check the parts of a listing.

    Raises:
        UserError: there is a problem of `part_problems`.
    """
    if problems := part_problems(listing):
        raise UserError("\n".join(problems))


def part_problems(listing: Listing) -> list[str]:
    """Return what keeps the parts of a listing from being used, if anything.

    Every part needs both labels, and a group lies in one part. The part `fit` may lack a label
    beside numbered folds, and where a part `dev` or `test` has both: for heads that are fitted to
    one class alone.
    """
    if listing.parts is None:
        return []
    counts = count_parts(listing)
    numbered = any(part.isdecimal() for part in counts)
    if not numbered:
        counts = {FIT: [0, 0], **counts}
    lacking = {part for part, of_label in counts.items() if 0 in of_label}
    judged = {DEV, TEST} & counts.keys()
    if numbered or (any(counts[FIT]) and judged and not judged & lacking):
        lacking -= {FIT}
    problems = _torn_groups(listing)
    if lacking:
        problems.insert(0, _lacking_message(counts, sorted(lacking), listing.label_names))
    return problems


def fits_one_class_alone(listing: Listing) -> bool:
    """Return whether the images to train on are of one label, and only a test part has both.

    This is the layout of inspection sets such as MVTec AD: sound parts to train on, sound and
    defective ones to test.
    """
    parts = count_parts(listing)
    return parts.keys() == {FIT, TEST} and 0 in parts[FIT]


def take_test_part(listing: Listing, holdout: float) -> tuple[Listing, Listing | None]:
    """Split a listing into images for experiments and the test part that the user made.

    Where the images to train on are of one label alone and there is no part `dev`, the test part
    stays with them: `given_folds` tests each of its images in one fold and chooses the threshold
    on the others.

    Args:
        listing: labeled images, with or without parts.
        holdout: share of images to hold out besides.

    Returns:
        The images for experiments, and the test part; None if none is judged at the end.

    Raises:
        UserError: as `check_parts`, or images are to be held out besides a test part.
    """
    check_parts(listing)
    is_test = _names(listing) == TEST
    if not is_test.any() or fits_one_class_alone(listing):
        return listing, None
    if holdout:
        raise UserError(
            f"data.holdout={holdout}: the images have a test part of their own, {is_test.sum():,} "
            "images, which is the holdout. Leave data.holdout at 0, "
            f"{DIVIDE_ANEW}"
        )
    return listing.take(np.flatnonzero(~is_test)), listing.take(np.flatnonzero(is_test))


def _names(listing: Listing) -> NDArray[np.str_]:
    return np.full(len(listing), FIT) if listing.parts is None else part_names(listing.parts)


def _lacking_message(
    counts: dict[str, list[int]], lacking: Sequence[str], label_names: tuple[str, str]
) -> str:
    rows: list[tuple[str, ...]] = [("part", *label_names)]
    rows += [(part, *(f"{count:,}" for count in of_label)) for part, of_label in counts.items()]
    one_class = (
        " A part fit of one label alone suits the one-class heads (mahalanobis, neighbors, "
        "hypersphere), but needs a part dev or test with both labels to choose the threshold on."
        if FIT in lacking and any(counts[FIT])
        else ""
    )
    return (
        f"data.part: part {', '.join(lacking)} lacks images of a label, and each needs both:\n"
        f"{text_table(rows, '  <6  >6  >6')}\n"
        f"Mend the parts, {DIVIDE_ANEW}.{one_class}"
    )


def _torn_groups(listing: Listing) -> list[str]:
    if listing.groups is None:
        return []
    pairs = np.unique(np.stack([listing.groups, _names(listing)]), axis=1)
    groups, times = np.unique(pairs[0], return_counts=True)
    torn = groups[times > 1].tolist()
    if not torn:
        return []
    shown = [f"{name} ({', '.join(pairs[1][pairs[0] == name])})" for name in torn]
    return [
        f"data.part: groups in more than one part: {len(torn):,}, {first_few(shown, 3)}. "
        "Images of one group depend on each other, so that errors would look too small. Mend "
        f"the table, {DIVIDE_ANEW}"
    ]
