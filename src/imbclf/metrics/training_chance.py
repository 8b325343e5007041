"""How far the error rate of a run would move if its models were trained once more."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imbclf.metrics.clustered_intervals import effective_images
from imbclf.metrics.error_rates import error_rates
from imbclf.utils.arrays import check_binary, check_same_shape, number_groups


def deviation_between_folds(
    decisions: ArrayLike, labels: ArrayLike, fold_of: ArrayLike, groups: ArrayLike | None = None
) -> float:
    """Return the standard deviation of a run's HTER that is due to its K trainings, not its images.

    The HTERs h_k of the folds differ by chance in their images and by chance in their trainings.
    The former is known, and what the folds differ more than that is left to the latter:

        tau^2 = max(0, s^2 - mean_k v_k),  v_k = (FAR (1 - FAR) / n0_k + FRR (1 - FRR) / n1_k) / 4,

    with s^2 the variance of the h_k, the rates of all folds, and n the numbers of images, in groups
    the effective ones. The HTER of all folds is a mean over K trainings: it deviates by
    tau / sqrt(K). With few folds this is itself uncertain, by a factor of two with K = 5. Source:
    the moment estimator of a random-effects variance; DerSimonian and Laird, "Meta-analysis in
    clinical trials", 1986.

    Args:
        decisions: `[M]`, 0 or 1.
        labels: `[M]`, 0 or 1, both of them in each fold.
        fold_of: `[M]`, the fold whose model decided; two or more.
        groups: `[M]`, which images depend on each other; None if none do.

    Raises:
        ValueError: arrays differ in shape, there is one fold alone, or one lacks a label.

    >>> labels = np.tile([0, 1], 2000)
    >>> wrong = np.concatenate([np.arange(2000) % 10 < 1, np.arange(2000) % 10 < 2])
    >>> round(deviation_between_folds(labels ^ wrong, labels, np.repeat([0, 1], 2000)), 2)
    0.05
    """
    decided, truth = check_binary(decisions, "decisions"), check_binary(labels)
    check_same_shape("decisions", decided, truth)
    wrong, fold = decided != truth, np.asarray(fold_of)
    folds = np.unique(fold)
    counts = np.array([np.bincount(truth[fold == one], minlength=2) for one in folds])
    if len(folds) < 2 or not counts.all():
        raise ValueError("expected two folds or more, each with both labels")
    hters = [sum(error_rates(decided[fold == one], truth[fold == one])) / 2 for one in folds]
    of_images = sum(_variance_of_images(wrong, truth, label, groups, counts) for label in (0, 1))
    of_training = max(0.0, float(np.var(hters, ddof=1)) - of_images / 4)
    return sqrt(of_training / len(folds))


def deviation_between_repeats(hters: Sequence[float]) -> float:
    """Return the standard deviation of the mean of R HTERs of the same images, s / sqrt(R).

    >>> round(deviation_between_repeats([0.1, 0.12, 0.14]), 4)
    0.0115
    """
    return float(np.std(hters, ddof=1)) / sqrt(len(hters))


def _variance_of_images(
    wrong: NDArray[np.bool_],
    truth: NDArray[np.int64],
    label: int,
    groups: ArrayLike | None,
    counts: NDArray[np.int64],
) -> float:
    """Return the variance of an error rate that chance in the images brings, mean over folds."""
    own = truth == label
    rate = float(wrong[own].mean())
    share = 1.0
    if groups is not None:
        of_group = number_groups(np.asarray(groups)[own], truth[own])
        share = effective_images(wrong[own], of_group) / int(own.sum())
    return rate * (1 - rate) * float(np.mean(1 / (share * counts[:, label])))
