"""Conformal thresholds against brute force, ranks in closed form, and simulated coverage."""

from math import floor

import numpy as np
import pytest
from scipy.stats import norm

from helpers.gaussians import draw
from imbclf.errors import UserError
from imbclf.metrics.conformal import conformal_p_values, conformal_thresholds, images_for_error

DISTANCE = 2.0


def p_by_hand(score: float, known: np.ndarray, groups: np.ndarray) -> float:
    shares = [(known[groups == group] <= score).mean() for group in np.unique(groups)]
    return float((1 + sum(shares)) / (len(shares) + 1))


def test_p_values_are_those_of_a_loop_over_groups() -> None:
    random = np.random.default_rng(0)
    known, groups = random.normal(size=60).round(1), random.integers(0, 20, 60)
    scores = random.normal(size=40).round(1)
    each = np.arange(60)
    for own, given in ((each, None), (groups, groups)):
        expected = [p_by_hand(score, known, own) for score in scores]
        assert conformal_p_values(scores, known, given) == pytest.approx(expected)
    assert (conformal_p_values(scores, known, each) == conformal_p_values(scores, known)).all()


@pytest.mark.parametrize("grouped", [False, True])
def test_a_label_is_decided_where_the_other_is_ruled_out(grouped: bool) -> None:
    scores, labels = draw(3, 60, 200, distance=0.8, decimals=1)
    groups = np.arange(260) // 3 if grouped else None
    own = [None if groups is None else groups[labels == label] for label in (0, 1)]
    for error in (0.05, 0.1, 0.25):
        low, high = conformal_thresholds(scores, labels, error, groups)
        assert low < high
        of_one = conformal_p_values(scores, scores[labels == 1], own[1])
        of_zero = conformal_p_values(-scores, -scores[labels == 0], own[0])
        assert ((scores < low) == (of_one <= error + 1e-9)).all()
        assert ((scores >= high) == (of_zero <= error + 1e-9)).all()
        # The same with the labels exchanged, but for which end of the band belongs to it.
        other = conformal_thresholds(-scores, 1 - labels, error, groups)
        assert list(other) == pytest.approx([-high, -low])


def test_every_image_is_decided_where_errors_are_rare_enough() -> None:
    scores, labels = draw(0, distance=6)
    low, high = conformal_thresholds(scores - 3, labels, 0.2)
    assert low == high
    assert conformal_thresholds(scores - 3, labels, 0.1) == (0.0, 0.0)


def test_too_few_images_are_refused_with_the_number_it_takes() -> None:
    for error in (0.3, 0.1, 0.07, 0.05, 0.01):
        least = images_for_error(error)
        # The lowest score has p = 1 / (n + 1), which has to be at most the error.
        assert 2 / (least + 1) > error >= 1 / (least + 1) - 1e-9 > error - 1 / least
        labels = np.repeat([0, 1], [least, least + 5])
        scores = np.random.default_rng(0).normal(size=len(labels))
        assert conformal_thresholds(scores, labels, error)[1] > scores[labels == 0].max()
        with pytest.raises(UserError, match=rf"at least {least} images of label 0, there are"):
            conformal_thresholds(np.arange(len(labels) - 1), labels[1:], error)
    labels = np.repeat([0, 1], [40, 80])
    with pytest.raises(UserError, match="at least 9 groups with images of label 0, there are 8"):
        conformal_thresholds(np.arange(120), labels, 0.1, np.arange(120) // 5)
    with pytest.raises(UserError, match=r"max_error=0: expected a share above 0 and below 1"):
        conformal_thresholds(np.arange(120), labels, 0)


def wrong_shares(count: int, error: float, groups: bool, draws: int = 1000) -> np.ndarray:
    """Return P(wrong decision) of label 0 and label 1, in closed form for each training set."""
    random, found = np.random.default_rng(count), []
    for _ in range(draws):
        members = random.integers(1, 8, 4 * count) if groups else np.ones(4 * count, np.int64)
        group = np.repeat(np.arange(4 * count), members)
        labels = (group >= count).astype(np.int64)
        shared, own = random.normal(size=4 * count)[group], random.normal(size=len(group))
        scores = (shared + own) / np.sqrt(2) + DISTANCE * labels
        low, high = conformal_thresholds(scores, labels, error, group if groups else None)
        found.append((norm.sf(high), norm.cdf(low - DISTANCE)))
    return np.array(found)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "error"), [(9, 0.1), (25, 0.1)])
def test_wrong_decisions_keep_to_the_share_on_average(count: int, error: float) -> None:
    shares = wrong_shares(count, error, groups=False)
    chance = 3 * shares.std(axis=0) / np.sqrt(len(shares))
    for label, images in enumerate((count, 3 * count)):
        exact = floor(error * (images + 1) + 1e-9) / (images + 1)
        assert exact <= error
        assert abs(shares[:, label].mean() - exact) < chance[label]


@pytest.mark.slow
def test_and_so_they_do_in_groups_of_several_sizes() -> None:
    shares = wrong_shares(12, 0.1, groups=True)
    assert (shares.mean(axis=0) < 0.1 + 3 * shares.std(axis=0) / np.sqrt(len(shares))).all()
    assert (shares.mean(axis=0) > 0.02).all()
