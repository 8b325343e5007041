"""How the images are divided, in words."""

import numpy as np

from imbclf.data.listing import Listing
from imbclf.data.parts import count_parts
from imbclf.data.reading.part_names import DEV, FIT, TEST
from imbclf.data.splits import Fold


def describe_division(
    listing: Listing, folds: list[Fold], test: Listing | None, asked: int | None
) -> list[str]:
    """Return lines on the parts that the user made, none where there are none.

    Args:
        listing: the images of the folds.
        folds: of these images.
        test: the test part that was taken out before, if any.
        asked: number of folds that the user asked for, or None.

    >>> from pathlib import Path
    >>> from imbclf.data.given_folds import given_folds
    >>> parts, labels = np.array(["1", "1", "2", "2", ""] * 2), np.array([0, 1] * 5)
    >>> listing = Listing(Path("p"), np.array([*"abcdefghij"]), labels, parts=parts)
    >>> for line in describe_division(listing, given_folds(listing, 5, seed=0), None, asked=3):
    ...     print(line)
    parts    as given: 2 fit, 4 fold 1, 4 fold 2
    folds    2, as the images are numbered (folds 0 to 1 here); cv.folds=3 has no effect
    fit      the 2 images without a number are trained on in every fold and never tested
    """
    given = {part: sum(counts) for part, counts in count_parts(listing).items()}
    if list(given) == [FIT] and test is None:
        return []
    numbered = [part for part in given if part.isdecimal()]
    shown = [
        f"{count:,} {f'fold {part}' if part in numbered else part}" for part, count in given.items()
    ]
    shown += [] if test is None else [f"{len(test):,} test"]
    lines = [f"parts    as given: {', '.join(shown)}"]
    if numbered:
        lines.append(_numbered_line(numbered, asked))
        if FIT in given:
            lines.append(
                f"fit      the {given[FIT]:,} images without a number are trained on in every fold "
                "and never tested"
            )
    if DEV in given or TEST in given:
        lines.append(_dev_line(listing, folds, DEV if DEV in given else TEST, given))
    return lines


def _numbered_line(numbered: list[str], asked: int | None) -> str:
    count = len(numbered)
    renumbered = numbered != [str(place) for place in range(count)]
    here = f" (folds 0 to {count - 1} here)" if renumbered else ""
    unused = f"; cv.folds={asked} has no effect" if asked not in (None, count) else ""
    return f"folds    {count}, as the images are numbered{here}{unused}"


def _dev_line(listing: Listing, folds: list[Fold], part: str, given: dict[str, int]) -> str:
    only = np.unique(listing.known_labels[folds[0].fit])
    if len(only) == 1:
        name = listing.label_names[int(only[0])]
        return (
            f"dev      the images to train on are all of label {name}, the same in every fold; "
            f"the given part {part} is divided: each of its images is tested in one fold (oof.csv) "
            "and used in the others to choose the threshold"
        )
    return (
        f"dev      the given {given[part]:,} images, in every fold; they are never tested: oof.csv "
        "and its error are of the others"
    )
