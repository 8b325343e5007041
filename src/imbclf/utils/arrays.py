"""Validation and counts of labels, scores and groups."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def check_binary(values: ArrayLike, name: str = "labels") -> NDArray[np.int64]:
    """Return labels or decisions as an int64 array `[N]` of 0 and 1.

    Raises:
        ValueError: they are not one-dimensional, or not all 0 or 1.

    >>> check_binary([True, False, 1.0])
    array([1, 0, 1])
    """
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name}: expected one dimension, got shape {array.shape}")
    invalid = array[(array != 0) & (array != 1)]
    if len(invalid):
        raise ValueError(f"{name}: {len(invalid)} are neither 0 nor 1, the first is {invalid[0]!r}")
    return array.astype(np.int64)


def check_scores(
    scores: ArrayLike, labels: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return scores as float64 `[N]` and labels as int64 `[N]`.

    Raises:
        ValueError: shapes differ, a score is not finite, or labels are not `[N]` of 0 and 1.

    >>> check_scores([0.5, float("nan")], [0, 1])
    Traceback (most recent call last):
    ValueError: scores: 1 of 2 are not finite
    """
    numbers, truth = np.asarray(scores, np.float64), check_binary(labels)
    check_same_shape("scores", numbers, truth)
    bad = np.count_nonzero(~np.isfinite(numbers))
    if bad:
        raise ValueError(f"scores: {bad} of {len(numbers)} are not finite")
    return numbers, truth


def check_same_shape(name: str, values: NDArray[np.generic], labels: NDArray[np.int64]) -> None:
    """Raise ValueError unless values and labels have the same shape."""
    if values.shape != labels.shape:
        raise ValueError(f"{name}: shape {values.shape}, but labels {labels.shape}")


def check_both_classes(
    scores: ArrayLike, labels: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return scores as float64 `[N]` and labels as int64 `[N]`, both classes present.

    Raises:
        ValueError: as `check_scores`, or a class is absent.
    """
    numbers, truth = check_scores(scores, labels)
    for label in (0, 1):
        if not (truth == label).any():
            raise ValueError(f"labels: none of {len(truth)} is {label}, both classes are needed")
    return numbers, truth


def check_probabilities(
    probabilities: ArrayLike, labels: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return probabilities as float64 `[N]` and labels as int64 `[N]`, N > 0.

    Raises:
        ValueError: as `check_scores`, a probability is not within 0 and 1, or there is none.
    """
    numbers, truth = check_scores(probabilities, labels)
    outside = np.count_nonzero((numbers < 0) | (numbers > 1))
    if outside or not len(numbers):
        raise ValueError(f"probabilities: {outside} of {len(numbers)} are not within 0 and 1")
    return numbers, truth


def number_groups(groups: ArrayLike, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return group identifiers `[N]` of any type as numbers from 0, int64 `[N]`.

    Raises:
        ValueError: groups and labels differ in shape.

    >>> number_groups(["b", "a", "b"], np.array([0, 0, 1]))
    array([1, 0, 1])
    """
    names = np.asarray(groups)
    if names.shape != labels.shape:
        raise ValueError(f"groups: shape {names.shape}, but labels {labels.shape}")
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def class_counts(labels: NDArray[np.int64]) -> tuple[int, int]:
    """Return the numbers of labels 0 and 1.

    >>> class_counts(np.array([1, 1, 0]))
    (1, 2)
    """
    zero, one = np.bincount(labels, minlength=2)
    return int(zero), int(one)


def minority_class(counts: tuple[int, int]) -> int:
    """Return the label of the smaller class, given the counts of labels 0 and 1; 0 on a tie.

    >>> minority_class((88, 12)), minority_class((50, 50))
    (1, 0)
    """
    zero, one = counts
    return int(one < zero)


def minority_label(labels: NDArray[np.int64]) -> int:
    """Return the rarer of the labels 0 and 1, as `minority_class` does; 0 on a tie.

    >>> minority_label(np.array([0, 0, 1])), minority_label(np.array([0, 1]))
    (1, 0)
    """
    return minority_class(class_counts(labels))
