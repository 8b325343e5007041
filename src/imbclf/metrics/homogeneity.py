"""Whether error rates differ between folds by more than chance."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imbclf.metrics.clustered_intervals import effective_images
from imbclf.utils.arrays import check_binary, number_groups


def homogeneity_p(
    decisions: ArrayLike,
    labels: ArrayLike,
    folds: ArrayLike,
    groups: ArrayLike | None = None,
    draws: int = 4000,
    seed: int = 0,
) -> float:
    """Return the p-value of equal FAR and equal FRR in all folds: small if some fold stands out.

    The chi-square statistic of homogeneity, summed over both labels, against its distribution if
    the errors were dealt to the folds at random (a Monte Carlo exact test, p >= 1 / (draws + 1)).
    With groups, images count as many as they are worth (`effective_images`). 1 if there is one fold
    or no error.

    Sources: Pearson, "On the criterion that a given system of deviations ...", Philosophical
    Magazine 50, 1900; Patefield, "An efficient method of generating random r x c tables", Applied
    Statistics 30, 1981.

    Args:
        decisions: `[N]`, 0 or 1.
        labels: `[N]`, 0 or 1.
        folds: `[N]`, which fold each image was tested in.
        groups: `[N]`, identifiers of groups; None if images are independent.
        draws: number of random divisions.
        seed: random seed.

    >>> labels, folds = np.repeat([0, 1], [300, 900]), np.arange(1200) % 3
    >>> failed = np.where(folds == 1, 0, labels)  # one fold decides 0 throughout
    >>> homogeneity_p(failed, labels, folds) < 0.001
    True
    """
    wrong = check_binary(decisions, "decisions") != check_binary(labels)
    truth = check_binary(labels)
    fold = number_groups(folds, truth)
    rng = np.random.default_rng(seed)
    observed, drawn = 0.0, np.zeros(draws)
    for label in (0, 1):
        own = truth == label
        effect = 1.0
        if groups is not None and own.any():
            effect = own.sum() / effective_images(wrong[own], number_groups(groups, truth)[own])
        sizes, errors = (
            np.rint(np.bincount(fold[own], weights, fold.max() + 1) / effect).astype(np.int64)
            for weights in (None, wrong[own])
        )
        errors = np.minimum(errors, sizes)
        if 0 < errors.sum() < sizes.sum():
            observed += float(_chi_square(errors[None], sizes)[0])
            dealt = rng.multivariate_hypergeometric(sizes, errors.sum(), draws, method="marginals")
            drawn += _chi_square(dealt, sizes)
    return float((1 + np.sum(drawn >= observed - 1e-9)) / (draws + 1))


def _chi_square(errors: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return Pearson's statistic of errors `[D, K]` among sizes `[K]`, float64 `[D]`."""
    rate = errors[0].sum() / sizes.sum()
    expected = np.maximum(sizes * rate, 1e-12)
    return np.asarray(((errors - sizes * rate) ** 2 / (expected * (1 - rate))).sum(axis=1))
