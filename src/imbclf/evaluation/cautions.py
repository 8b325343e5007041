"""Sentences on what makes the numbers of a run uncertain, for the terminal and the report."""

from collections.abc import Mapping
from math import ceil

import numpy as np
from numpy.typing import NDArray

from imbclf.data.splits import Fold
from imbclf.evaluation.decision_errors import decision_errors
from imbclf.metrics.homogeneity import homogeneity_p

FEWEST_IN_DEV = 12  # from here on, a choice of the epoch on dev does no harm in simulations
ALARM = 0.001


def few_in_dev(
    folds: Mapping[int, Fold], labels: NDArray[np.int64], label_names: tuple[str, str]
) -> list[str]:
    """Return a sentence if a dev part has fewer than `FEWEST_IN_DEV` images of a label.

    Simulated runs of 10 images of the minority among 1,010 with one in dev had HTER .29 at their
    own thresholds, .19 at those of dev and test together.

    >>> fold = Fold(fit=np.arange(3, 40), dev=np.arange(3), test=np.arange(40, 50))
    >>> (said,) = few_in_dev({0: fold}, np.arange(50) % 10 > 0, ("bad", "good"))
    >>> said.split(":")[0]
    'Only 1 image of label bad in the dev part of fold 0'
    """
    counts = {
        (number, label): int(np.sum(labels[fold.dev] == label))
        for number, fold in folds.items()
        for label in (0, 1)
    }
    fold, label = min(counts, key=lambda part: counts[part])
    fewest = counts[fold, label]
    if fewest >= FEWEST_IN_DEV:
        return []
    share = ceil(100 * FEWEST_IN_DEV / max(1, int(np.sum(labels == label)))) / 100
    more = f"cv.dev_fraction={share:g}" if share <= 0.4 else "a larger cv.dev_fraction"
    images = "image" if fewest == 1 else "images"
    return [
        f"Only {fewest} {images} of label {label_names[label]} in the dev part of fold {fold}: "
        f"with fewer than {FEWEST_IN_DEV}, what is chosen on them is chosen nearly by chance, and "
        "the HTER is higher than that of the same models with better thresholds. Give dev more "
        f"images ({more}), choose the threshold alone on them (cv.select=last), and look at the "
        "cross-fitted HTER"
    ]


def fold_that_stands_out(
    decisions: NDArray[np.int64],
    labels: NDArray[np.int64],
    fold_of: NDArray[np.int64],
    clusters: NDArray[np.generic] | None = None,
) -> list[str]:
    """Return a sentence if one fold is worse than the others by more than chance.

    Folds differ (`homogeneity_p` below `ALARM`), and the interval of the worst one's HTER is above
    that of the others together.

    Args:
        decisions: `[N]`, 0 or 1.
        labels: `[N]`, 0 or 1.
        fold_of: `[N]`, which fold each image was tested in.
        clusters: `[N]`, which rows depend on each other; None: none do.
    """
    if homogeneity_p(decisions, labels, fold_of, clusters) >= ALARM:
        return []

    def errors(rows: NDArray[np.bool_]) -> tuple[float, float, float]:
        own = None if clusters is None else clusters[rows]
        found = decision_errors(decisions[rows], labels[rows], own)
        low, high = np.asarray(found["hter_interval"], np.float64)
        return float(np.asarray(found["hter"])), float(low), float(high)

    by_fold = {int(fold): errors(fold_of == fold) for fold in np.unique(fold_of)}
    worst = max(by_fold, key=lambda fold: by_fold[fold][0])
    rest, _, high = errors(fold_of != worst)
    hter, low, _ = by_fold[worst]
    if not low > high:
        return []
    return [
        f"Fold {worst} stands out: its HTER is {hter:.4f}, that of the other folds together "
        f"{rest:.4f}, which is more than chance in the choice of images explains. Look at its "
        f"learning curves and its dev part; if its training failed, move fold_{worst} out "
        "of the run and resume with other options. In the predictor it counts like the others"
    ]
