"""Equal error rates in all folds: against scipy and on drawn decisions."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from imbclf.metrics.homogeneity import homogeneity_p

LABELS, FOLDS = np.repeat([0, 1], [600, 3000]), np.arange(3600) % 5


def test_with_many_images_it_is_the_chi_square_test() -> None:
    rng = np.random.default_rng(0)
    for _ in range(4):
        rates = 0.1 + 0.02 * rng.random(5)
        decisions = np.where(rng.random(3600) < rates[FOLDS], 1 - LABELS, LABELS)
        statistics = [
            chi2_contingency(
                [
                    [np.sum((decisions[own] != LABELS[own]) & (FOLDS[own] == k)) for k in range(5)],
                    [np.sum((decisions[own] == LABELS[own]) & (FOLDS[own] == k)) for k in range(5)],
                ],
                correction=False,
            )[:2]
            for own in (LABELS == 0, LABELS == 1)
        ]
        total = sum(statistic for statistic, _ in statistics)
        table = rng.chisquare(8, 200_000)
        expected = np.mean(table >= total)
        assert homogeneity_p(decisions, LABELS, FOLDS) == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("grouped", [False, True])
def test_equal_folds_are_rarely_told_apart(grouped: bool) -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], [40, 400])
    groups = np.arange(440) // 4
    folds = groups % 5
    found = []
    for _ in range(200):
        wrong = rng.random(110)[groups] < 0.1 if grouped else rng.random(440) < 0.1
        decisions = np.where(wrong, 1 - labels, labels)
        found.append(homogeneity_p(decisions, labels, folds, groups if grouped else None, 400))
    assert np.mean(np.array(found) < 0.05) <= 0.1
    if grouped:
        assert np.mean(np.array(found) < 0.01) <= 0.04


def test_without_errors_or_with_one_fold_nothing_is_found() -> None:
    assert homogeneity_p(LABELS, LABELS, FOLDS) == 1
    assert homogeneity_p(1 - LABELS, LABELS, FOLDS) == 1
    assert homogeneity_p(np.zeros(3600, int), LABELS, np.zeros(3600)) == 1
    assert homogeneity_p(np.roll(LABELS, 60), LABELS, np.zeros(3600)) == 1
