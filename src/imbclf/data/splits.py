"""Stratified cross-validation folds of fit (training), dev (validation) and test images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from imbclf.data.stratified import draw_stratified
from imbclf.errors import UserError
from imbclf.utils.arrays import check_binary, number_groups
from imbclf.utils.checks import check_range


@dataclass(frozen=True, eq=False)
class Fold:
    """One split of the data set into three disjoint parts.

    Attributes:
        fit: rows to train on, int64, ascending.
        dev: rows to choose the epoch and the threshold on (validation), int64, ascending.
        test: rows to report errors on, unseen until then, int64, ascending.
    """

    fit: NDArray[np.int64]
    dev: NDArray[np.int64]
    test: NDArray[np.int64]


def stratified_folds(
    labels: ArrayLike,
    folds: int,
    seed: int,
    groups: ArrayLike | None = None,
    dev_fraction: float = 0.1,
) -> list[Fold]:
    """Split the data set K times into fit, dev and test; the test parts partition it.

    Test parts are those of scikit-learn's StratifiedKFold, or StratifiedGroupKFold with groups.
    Dev is drawn from the rest: the same fraction of each class, at least one image. Groups are
    never split, so with groups all shares are approximate.

    Args:
        labels: `[N]`, 0 or 1.
        folds: K, at least 2.
        seed: random seed.
        groups: `[N]`, identifiers of groups (patients, identities), or None.
        dev_fraction: size of dev as a fraction of the whole data set, below 1 - 1 / K.

    Raises:
        UserError: an option is out of range, or a class has too few images or groups.

    >>> folds = stratified_folds([0, 1, 1, 1] * 10, folds=5, seed=0)
    >>> [len(part) for part in (folds[0].fit, folds[0].dev, folds[0].test)]
    [28, 4, 8]
    """
    truth = check_binary(labels)
    check_fold_options(folds, dev_fraction)
    group = None if groups is None else number_groups(groups, truth)
    check_enough(truth, group, folds, ("fit", "dev", "test"))
    test_parts = draw_test_parts(truth, folds, seed, group)
    result = []
    for number, (rest, test) in enumerate(test_parts):
        fold = Fold(*cut_dev(truth, rest, dev_fraction, (seed, number), group), test)
        _check_parts(fold, truth, number)
        result.append(fold)
    return result


def draw_test_parts(
    labels: NDArray[np.int64], folds: int, seed: int, groups: NDArray[np.int64] | None
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Divide N images into K test parts; return the other images and the test part of each."""
    splitter = StratifiedKFold if groups is None else StratifiedGroupKFold
    drawn = splitter(folds, shuffle=True, random_state=seed).split(labels, labels, groups)
    return list(drawn)


def cut_dev(
    labels: NDArray[np.int64],
    rest: NDArray[np.int64],
    dev_fraction: float,
    seed: tuple[int, int],
    groups: NDArray[np.int64] | None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide the rows `rest` into fit and dev, which has a fraction of all N images."""
    rng = np.random.default_rng(seed)
    wanted = np.bincount(labels).astype(np.float64) * dev_fraction
    in_dev = draw_stratified(labels[rest], wanted, rng, None if groups is None else groups[rest])
    return rest[~in_dev], rest[in_dev]


def repeated_folds(
    labels: ArrayLike,
    folds: int,
    seed: int,
    repeats: int = 1,
    groups: ArrayLike | None = None,
    dev_fraction: float = 0.1,
) -> list[Fold]:
    """Return the `stratified_folds` of `repeats` seeds: `seed`, `seed` + 1, ..., concatenated.

    Arguments and errors as `stratified_folds`.

    >>> len(repeated_folds([0, 1, 1, 1] * 10, folds=5, seed=0, repeats=3))
    15
    """
    return [
        fold
        for repeat in range(repeats)
        for fold in stratified_folds(labels, folds, seed + repeat, groups, dev_fraction)
    ]


def check_fold_options(folds: int, dev_fraction: float) -> None:
    """Raise UserError if there are too few folds, or dev would leave nothing to train on."""
    check_range("cv.folds", folds, at_least=2)
    if not 0 < dev_fraction < 1 - 1 / folds:
        raise UserError(
            f"cv.dev_fraction={dev_fraction}: expected a share above 0 and, with cv.folds={folds}, "
            f"below {1 - 1 / folds:.3g}, so that images are left to train on"
        )


def check_enough(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64] | None,
    folds: int,
    parts: tuple[str, ...],
) -> None:
    """Raise UserError if a class has too few images or groups to be in these parts of every fold.

    Each test part needs one; with two folds, half of the units must suffice for all other parts.
    """
    what = "images" if groups is None else "groups"
    units = [
        len(rows) if groups is None else len(np.unique(groups[rows]))
        for rows in (np.flatnonzero(labels == label) for label in (0, 1))
    ]
    needed = 2 * (len(parts) - 1) if folds == 2 else folds
    fewest = min(units)
    if fewest >= needed:
        return
    advice = (
        f"the largest cv.folds that works is {fewest}"
        if fewest >= len(parts)
        else f"no cv.folds works with fewer than {len(parts)}"
    )
    raise UserError(
        f"cv.folds={folds}: label {units.index(fewest)} has only {fewest} {what}, but every fold "
        f"needs some in {', '.join(parts[:-1])} and {parts[-1]}, {needed} in all; {advice}"
    )


def _check_parts(fold: Fold, labels: NDArray[np.int64], number: int) -> None:
    for name, rows in (("fit", fold.fit), ("dev", fold.dev), ("test", fold.test)):
        for label in (0, 1):
            if not (labels[rows] == label).any():
                raise UserError(
                    f"groups: the {name} part of fold {number} has no image of label {label}, "
                    "because too few groups have it or they are too large; lower cv.folds or "
                    "make the groups smaller"
                )
