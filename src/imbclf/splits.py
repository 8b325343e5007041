"""Stratified folds: the images to fit, to choose on (dev), and to report (test)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from imbclf.errors import UserError
from imbclf.metrics import check_binary


@dataclass(frozen=True, eq=False)
class Fold:
    """Three disjoint parts that together are the whole data set.

    Attributes:
        fit: rows whose gradients are taken, int64, rising.
        dev: rows on which epoch and threshold are chosen, int64, rising.
        test: rows that are reported and never looked at before, int64, rising.
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

    Test parts are scikit-learn's (StratifiedKFold, with groups StratifiedGroupKFold). Dev is
    drawn from the rest: of each class the same fraction of the whole data set, at least one image.
    A group never straddles parts, so that with groups all shares hold as nearly as groups allow.

    Args:
        labels: `[N]`, 0 or 1.
        folds: K, at least 2.
        seed: what the parts are drawn from.
        groups: `[N]`, whatever tells groups (patients, identities) apart.
        dev_fraction: size of dev as a fraction of the whole data set, below 1 - 1 / K.

    Raises:
        UserError: if an option is out of range, or a class has too few images or groups.

    >>> folds = stratified_folds([0, 1, 1, 1] * 10, folds=5, seed=0)
    >>> [len(part) for part in (folds[0].fit, folds[0].dev, folds[0].test)]
    [28, 4, 8]
    """
    truth = check_binary(labels)
    _check_options(folds, dev_fraction)
    group = None if groups is None else _number_groups(groups, truth)
    _check_enough(truth, group, folds)
    splitter = StratifiedKFold if group is None else StratifiedGroupKFold
    test_parts = splitter(folds, shuffle=True, random_state=seed).split(truth, truth, group)
    result = []
    for number, (rest, test) in enumerate(test_parts):
        rng = np.random.default_rng([seed, number])
        wanted = np.bincount(truth).astype(np.float64) * dev_fraction
        if group is None:
            in_dev = _draw_images(truth[rest], wanted, rng)
        else:
            in_dev = _draw_groups(truth[rest], group[rest], wanted, rng)
        fold = Fold(fit=rest[~in_dev], dev=rest[in_dev], test=test)
        _check_parts(fold, truth, number)
        result.append(fold)
    return result


def _draw_images(
    labels: NDArray[np.int64], wanted: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw of each class the wanted number of images, but leave at least one."""
    drawn = np.zeros(len(labels), bool)
    for label in (0, 1):
        rows = np.flatnonzero(labels == label)
        size = min(max(1, round(wanted[label])), len(rows) - 1)
        drawn[rng.choice(rows, size, replace=False)] = True
    return drawn


def _draw_groups(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    wanted: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Draw whole groups, in random order each that brings the class counts nearer to those wanted.

    A class that none of them brought then gets the group that overshoots least.
    """
    names, group = np.unique(groups, return_inverse=True)
    counts = np.bincount(2 * group + labels, minlength=2 * len(names)).reshape(-1, 2)
    # Plain numbers: a loop over many groups is ten times slower through arrays of two.
    members, (all0, all1), (want0, want1) = counts.tolist(), counts.sum(0).tolist(), wanted.tolist()

    def miss(zeros: int, ones: int) -> float:
        """Give the squared relative distance from what is wanted, infinite if fit loses a class."""
        if zeros == all0 or ones == all1:
            return float("inf")
        return float((zeros / want0 - 1) ** 2 + (ones / want1 - 1) ** 2)

    have0, have1, drawn = 0, 0, np.zeros(len(names), bool)
    order = rng.permutation(len(names)).tolist()
    # First without overshoot: else the class that lags drags too much of the other one along.
    for slack in (1.0, float("inf")):
        for name in order:
            zeros, ones = have0 + members[name][0], have1 + members[name][1]
            fits = zeros <= slack * want0 and ones <= slack * want1
            if fits and not drawn[name] and miss(zeros, ones) < miss(have0, have1):
                have0, have1, drawn[name] = zeros, ones, True
    for label in (0, 1):
        holders = np.flatnonzero(counts[:, label]).tolist()
        if holders and not drawn[holders].any():
            have = counts[drawn].sum(axis=0)
            drawn[min(holders, key=lambda name: miss(*(have + counts[name])))] = True
    return drawn[group]


def _number_groups(groups: ArrayLike, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    names = np.asarray(groups)
    if names.shape != labels.shape:
        raise ValueError(f"groups: shape {names.shape}, but labels {labels.shape}")
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _check_options(folds: int, dev_fraction: float) -> None:
    if folds < 2:
        raise UserError(f"cv.folds={folds}: expected at least 2")
    if not 0 < dev_fraction < 1 - 1 / folds:
        raise UserError(
            f"cv.dev_fraction={dev_fraction}: expected more than 0 and, with cv.folds={folds}, "
            f"less than {1 - 1 / folds:.3g}, so that something is left to train on"
        )


def _check_enough(labels: NDArray[np.int64], groups: NDArray[np.int64] | None, folds: int) -> None:
    """Refuse if some class cannot be in fit, dev and test of every fold."""
    what = "images" if groups is None else "groups"
    units = [
        len(rows) if groups is None else len(np.unique(groups[rows]))
        for rows in (np.flatnonzero(labels == label) for label in (0, 1))
    ]
    # Each test part takes one; two folds leave half of the rest, which must do for fit and dev.
    needed = 4 if folds == 2 else folds
    fewest = min(units)
    if fewest >= needed:
        return
    advice = (
        f"the largest cv.folds that works is {fewest}"
        if fewest >= 3
        else "no cv.folds works with fewer than 3"
    )
    raise UserError(
        f"cv.folds={folds}: label {units.index(fewest)} has only {fewest} {what}, but every fold "
        f"needs some to fit, to choose on and to test, {needed} in all; {advice}"
    )


def _check_parts(fold: Fold, labels: NDArray[np.int64], number: int) -> None:
    for name, rows in (("fit", fold.fit), ("dev", fold.dev), ("test", fold.test)):
        for label in (0, 1):
            if not (labels[rows] == label).any():
                raise UserError(
                    f"groups: the {name} part of fold {number} has no image of label {label}, "
                    "because too few groups hold it or they are too large; lower cv.folds or "
                    "divide the groups"
                )
