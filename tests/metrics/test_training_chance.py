"""Chance in training, told from chance in images."""

import numpy as np
import pytest
from numpy.typing import NDArray

from imbclf.metrics import deviation_between_folds, deviation_between_repeats


def run(
    random: np.random.Generator, folds: int, counts: tuple[int, int], of_training: float, size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Simulate decisions, labels, folds and groups; the rates of folds deviate, as do groups."""
    labels, decisions, fold_of, groups = [], [], [], []
    for fold in range(folds):
        shift = random.normal(0, of_training)
        for label, rate in ((0, 0.2), (1, 0.1)):
            draws = random.random((counts[label] // size, size))
            alike = random.random(len(draws)) < 0.5  # groups that are right or wrong as a whole
            draws[alike] = draws[alike, :1]
            wrong = draws.ravel() < rate + shift
            labels.append(np.full(counts[label], label))
            decisions.append(np.where(wrong, 1 - label, label))
            fold_of.append(np.full(counts[label], fold))
            start = 10_000 * (2 * fold + label)
            groups.append(start + np.arange(counts[label]) // size)
    joined = [np.concatenate(one) for one in (decisions, labels, fold_of, groups)]
    return joined[0], joined[1], joined[2], joined[3]


@pytest.mark.parametrize("size", [1, 5])
@pytest.mark.parametrize("of_training", [0.0, 0.02, 0.04])
def test_the_mean_variance_is_that_of_training(of_training: float, size: int) -> None:
    random = np.random.default_rng(0)
    found = []
    for _ in range(200):
        decisions, labels, fold_of, groups = run(random, 8, (400, 1600), of_training, size)
        own = groups if size > 1 else None
        found.append(deviation_between_folds(decisions, labels, fold_of, own) ** 2 * 8)
    # Where there is none, what is above 0 by chance is a part of the variance of the images.
    of_images = size * (0.2 * 0.8 / 400 + 0.1 * 0.9 / 1600) / 4
    expected = of_training**2
    assert expected * 0.8 < np.mean(found) < expected * 1.2 + 0.5 * of_images


def test_with_unlimited_images_it_is_the_deviation_of_the_folds() -> None:
    shares = [0.1, 0.2, 0.4]
    labels = np.tile(np.repeat([0, 1], 5000), 3)
    fold_of = np.repeat([0, 1, 2], 10_000)
    wrong = np.concatenate([np.arange(10_000) % 10 < 10 * share for share in shares])
    found = deviation_between_folds(labels ^ wrong, labels, fold_of)
    assert found == pytest.approx(np.std(shares, ddof=1) / np.sqrt(3), rel=0.01)


def test_repeats_of_the_same_images_differ_by_training_alone() -> None:
    hters = [0.1, 0.13, 0.11, 0.12]
    assert deviation_between_repeats(hters) == pytest.approx(np.std(hters, ddof=1) / 2)


def test_a_fold_without_a_label_is_refused() -> None:
    with pytest.raises(ValueError, match="each with both labels"):
        deviation_between_folds([0, 1, 1], [0, 1, 1], [0, 0, 1])
