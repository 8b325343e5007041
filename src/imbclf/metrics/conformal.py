"""Class-conditional conformal prediction: labels that an image cannot well have are ruled out.

Where one of two labels is left, it is decided; where both are, a person is asked.
"""

from math import ceil, inf, nextafter

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imbclf.errors import UserError
from imbclf.utils.arrays import check_both_classes, number_groups
from imbclf.utils.checks import check_range

ROUNDING = 1e-9  # of sums of shares


def conformal_p_values(
    scores: ArrayLike, known: ArrayLike, groups: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Return how well new images fit among known ones of a label, float64 `[M]`.

    p(s) = (1 + sum over groups of the share of their scores <= s) / (G + 1), with each image a
    group of its own if there are none. If a new image has the label whose scores are `known`, then
    P(p <= e) <= e over the draw of all of them, for any distribution of scores: the only assumption
    is that the groups are exchangeable, and the new image is one of a new group. A group counts
    once, however many images it has.

    Sources: Vovk, Gammerman and Shafer, "Algorithmic learning in a random world", 2005, chapter 4
    (Mondrian conformal prediction); for groups Lee, Barber and Willett, "Distribution-free
    inference with hierarchical data", 2023.

    Args:
        scores: `[M]`, of new images, high where the label fits.
        known: `[N]`, of images of the label that no model behind them was trained on.
        groups: `[N]`, identifiers of groups.

    >>> conformal_p_values([0.5, 2.5, 9.0], known=[1.0, 2.0, 3.0]).tolist()
    [0.25, 0.75, 1.0]
    >>> conformal_p_values([2.5], known=[1.0, 2.0, 3.0], groups=["a", "a", "b"]).round(3).tolist()
    [0.667]
    """
    own = np.asarray(known, np.float64)
    weights, units = _weights(len(own), groups)
    order = np.argsort(own)
    below = np.concatenate([[0.0], np.cumsum(weights[order])])
    count = np.searchsorted(own[order], np.asarray(scores, np.float64), side="right")
    return np.asarray((1 + below[count]) / (units + 1), np.float64)


def conformal_thresholds(
    scores: ArrayLike, labels: ArrayLike, max_error: float, groups: ArrayLike | None = None
) -> tuple[float, float]:
    """Return the two thresholds that keep wrong decisions of both labels to a share.

    Label 0 is decided where a score is below the first, label 1 where it is at least the second;
    between the two both labels have a p-value above `max_error` (`conformal_p_values`). Then

    P(decided 0 | label 1) <= max_error and P(decided 1 | label 0) <= max_error

    for an image of a new group, over the draw of it and of the images at hand: on average over
    training sets, not for each of them. If every image can be decided so, both are the same
    threshold, the one nearest to 0.

    Mean shares of wrong decisions and of referred images for max_error=.1, over 4,000 draws of
    normal scores (distance 2, three times as many images of label 1), and of training sets for
    which the share of label 0 is above .1. In groups of four images, whose scores are correlated by
    .5, with as many groups as there are images above:

    ================= ======= ======= ======== ==========
    label 0           label 0 label 1 referred above .1
    ================= ======= ======= ======== ==========
    9 images          .098    .070    .250     .41
    19 images         .097    .086    .196     .41
    30 images         .094    .098    .171     .40
    100 images        .100    .100    .144     .46
    9 groups of four  .035    .076    .389     .06
    19 groups of four .069    .089    .229     .18
    30 groups of four .076    .093    .200     .21
    ================= ======= ======= ======== ==========

    Args:
        scores: `[N]`, higher for label 1, of images that no model behind them was trained on.
        labels: `[N]`, 0 or 1, both present.
        max_error: largest share of wrong decisions of each label, between 0 and 1.
        groups: `[N]`, identifiers of groups.

    Raises:
        UserError: the share is out of range, or too small for so few images.
        ValueError: as `check_scores`, or a class is absent.

    >>> scores, labels = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [0, 0, 1, 0, 1, 0, 1, 1]
    >>> low, high = conformal_thresholds(scores, labels, max_error=0.25)
    >>> low, 5 < high < 5.1
    (2.0, True)
    """
    check_range("max_error", max_error, above=0, below=1, what="a share")
    numbers, truth = check_both_classes(scores, labels)
    group = None if groups is None else number_groups(groups, truth)
    ends = []
    for label, sign in ((1, 1), (0, -1)):
        own = truth == label
        of_label = None if group is None else group[own]
        ends.append(sign * _lowest_that_fits(sign * numbers[own], of_label, max_error, label))
    low, high = ends[0], nextafter(ends[1], inf)
    if low < high:
        return low, high
    one = min(max(0.0, high), low)
    return one, one


def images_for_error(max_error: float) -> int:
    """Return how many images (or groups) of a label a share takes, the least that can.

    >>> images_for_error(0.1), images_for_error(0.05), images_for_error(0.01)
    (9, 19, 99)
    """
    return ceil(1 / max_error - 1 - ROUNDING)


def _lowest_that_fits(
    scores: NDArray[np.float64], groups: NDArray[np.int64] | None, max_error: float, label: int
) -> float:
    """Return the lowest score of a label whose p-value is above `max_error`."""
    units = _weights(len(scores), groups)[1]
    if units < images_for_error(max_error):
        what = "images" if groups is None else "groups with images"
        raise UserError(
            f"max_error={max_error:g}: this takes at least {images_for_error(max_error):,} {what} "
            f"of label {label}, there are {units:,}; ask for more (a larger max_error), or for a "
            "share of images instead (refer=0.1)"
        )
    fits = conformal_p_values(scores, scores, groups) > max_error + ROUNDING
    return float(scores[fits].min())


def _weights(count: int, groups: ArrayLike | None) -> tuple[NDArray[np.float64], int]:
    """Return what each image counts, so that each group counts 1, and the number of groups."""
    if groups is None:
        return np.ones(count), count
    group = number_groups(groups, np.zeros(count, np.int64))
    sizes = np.bincount(group)
    return 1 / sizes[group], len(sizes)
