"""Folds of images that the user divided into parts."""

import numpy as np
from numpy.typing import NDArray

from imbclf.data.listing import Listing
from imbclf.data.parts import DIVIDE_ANEW, check_parts, fold_numbers, part_names
from imbclf.data.reading.part_names import DEV, TEST
from imbclf.data.splits import (
    Fold,
    check_enough,
    check_fold_options,
    cut_dev,
    draw_test_parts,
    repeated_folds,
)
from imbclf.errors import UserError
from imbclf.utils.arrays import number_groups


def given_folds(
    listing: Listing, folds: int, seed: int, repeats: int = 1, dev_fraction: float = 0.1
) -> list[Fold]:
    """Return the folds of a listing, as `take_test_part` returns it: what is divided stays divided.

    Numbered images are the test parts of the folds, in the order of the numbers; images without a
    number are never tested. Without numbers, the test parts are drawn as by `stratified_folds`
    from the images that are not in the part `dev`. Where there is a part `dev`, it is that of
    every fold; otherwise dev is drawn from what is not tested. Where all other images are of one
    label, they are the fit part of every fold, and the part `dev` (or `test`) is divided instead:
    an image of it is tested in one fold and in dev in the others.

    Args:
        listing: labeled images; without parts, the folds are those of `repeated_folds`.
        folds: K, where the images are not numbered.
        seed: random seed.
        repeats: how many times the images are divided.
        dev_fraction: size of dev as a fraction of all images, where dev is drawn.

    Raises:
        UserError: as `stratified_folds` and `check_parts`, numbered folds are to be repeated, or
            there is only one of them.

    >>> from pathlib import Path
    >>> files, labels = np.array([*"abcdefgh"]), np.array([0, 1] * 4)
    >>> parts = np.array(["0", "0", "1", "1", "dev", "dev", "", ""])
    >>> first, _ = given_folds(Listing(Path("p"), files, labels, parts=parts), folds=5, seed=0)
    >>> first.fit.tolist(), first.dev.tolist(), first.test.tolist()
    ([2, 3, 6, 7], [4, 5], [0, 1])
    """
    labels, groups = listing.known_labels, listing.groups
    if listing.parts is None:
        return repeated_folds(labels, folds, seed, repeats, groups, dev_fraction)
    check_parts(listing)
    names = part_names(listing.parts)
    group = None if groups is None else number_groups(groups, labels)
    names[names == TEST] = DEV
    dev = np.flatnonzero(names == DEV)
    rest = np.flatnonzero(names != DEV)
    one_class = len(dev) > 0 and len(np.unique(labels[rest])) == 1
    if numbers := fold_numbers(names):
        _check_numbered(numbers, repeats)
        found = _numbered(labels, names, numbers, dev, seed, group, dev_fraction)
    elif len(dev):
        found = [
            fold
            for repeat in range(repeats)
            for fold in _divide(labels, rest, dev, folds, seed + repeat, group, one_class)
        ]
    else:
        return repeated_folds(labels, folds, seed, repeats, groups, dev_fraction)
    for number, fold in enumerate(found):
        parts = {"fit": fold.fit, "dev": fold.dev, "test": fold.test}
        for part in ("dev", "test") if one_class else parts:
            _check(parts[part], labels, f"{part} part of fold {number}", listing.label_names)
    return found


def _numbered(
    labels: NDArray[np.int64],
    names: NDArray[np.str_],
    numbers: list[int],
    dev: NDArray[np.int64],
    seed: int,
    groups: NDArray[np.int64] | None,
    dev_fraction: float,
) -> list[Fold]:
    """Test each numbered part; dev is given, or drawn from the other images."""
    if not len(dev):
        check_fold_options(len(numbers), dev_fraction)
    found = []
    for place, number in enumerate(numbers):
        is_test = names == str(number)
        test, rest = np.flatnonzero(is_test), np.flatnonzero(~is_test & (names != DEV))
        parts = (
            (rest, dev) if len(dev) else cut_dev(labels, rest, dev_fraction, (seed, place), groups)
        )
        found.append(Fold(*parts, test))
    return found


def _divide(
    labels: NDArray[np.int64],
    rest: NDArray[np.int64],
    dev: NDArray[np.int64],
    folds: int,
    seed: int,
    groups: NDArray[np.int64] | None,
    one_class: bool,
) -> list[Fold]:
    """Test the other images in turn, with the same dev; or, if these are of one class, dev itself.

    In the latter case all others are fit in every fold, and what is not tested of dev is chosen on.
    """
    turns = dev if one_class else rest
    own = None if groups is None else groups[turns]
    check_enough(labels[turns], own, folds, ("dev" if one_class else "fit", "test"))
    drawn = draw_test_parts(labels[turns], folds, seed, own)
    if one_class:
        return [Fold(rest, dev[chosen], dev[test]) for chosen, test in drawn]
    return [Fold(rest[fit], dev, rest[test]) for fit, test in drawn]


def _check_numbered(numbers: list[int], repeats: int) -> None:
    if repeats > 1:
        raise UserError(
            f"cv.repeats={repeats}: the images are numbered by folds, which are the same each time "
            f"(data.part). Leave cv.repeats at 1, {DIVIDE_ANEW}"
        )
    if len(numbers) < 2:
        raise UserError(
            f"data.part: all numbered images are of fold {numbers[0]}; expected two folds or more. "
            "Images to be tested once, at the end, are of the part test"
        )


def _check(
    rows: NDArray[np.int64], labels: NDArray[np.int64], what: str, label_names: tuple[str, str]
) -> None:
    counts = np.bincount(labels[rows], minlength=2)
    if not counts.all():
        raise UserError(
            f"data.part: the {what} has no image of label {label_names[int(counts.argmin())]}, "
            "because too few images or groups have it that could be there. Mend the parts, lower "
            f"cv.folds, {DIVIDE_ANEW}"
        )
