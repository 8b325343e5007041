"""Comparing classifiers: against brute force, scipy, and simulations in which nothing differs."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import balanced_accuracy_score

from imbclf.metrics.significance import (
    corrected_resampled_t,
    holm,
    paired_hter_test,
)

Decisions = NDArray[np.int64]


def classifiers(
    rng: np.random.Generator, n0: int, n1: int, spread_a: float = 1.0, spread_b: float = 1.0
) -> tuple[Decisions, Decisions, Decisions]:
    """Two that look at the same images with noise of their own."""
    labels = np.repeat([0, 1], [n0, n1])
    seen = rng.normal(2.0 * labels - 1, 1.0)
    a, b = (seen + rng.normal(0, spread, len(labels)) >= 0 for spread in (spread_a, spread_b))
    return a.astype(np.int64), b.astype(np.int64), labels


def hter(decisions: Decisions, labels: Decisions) -> float:
    return 1 - float(balanced_accuracy_score(labels, decisions))


def test_the_difference_is_that_of_balanced_accuracies() -> None:
    a, b, labels = classifiers(np.random.default_rng(0), 60, 440, spread_b=2.0)
    found = paired_hter_test(a, b, labels)
    assert found.hter == pytest.approx(hter(a, labels) - hter(b, labels))
    back = paired_hter_test(b, a, labels)
    assert (back.hter, back.low, back.p) == pytest.approx((-found.hter, -found.high, found.p))


def test_z_is_the_formula_counted_by_hand() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    a = np.array([1, 1, 0, 0, 1, 1, 1, 1, 1, 0])  # wrong: two of label 0, one of label 1
    b = np.array([0, 1, 0, 0, 0, 0, 1, 1, 1, 1])  # wrong: one of label 0, two of label 1
    far_ab, far_ba, frr_ab, frr_ba = 1 / 4, 0, 1 / 6, 2 / 6
    z = (1 / 4 - 1 / 6) / 2 / (0.5 * np.sqrt((far_ab + far_ba) / 4 + (frr_ab + frr_ba) / 6))
    assert paired_hter_test(a, b, labels).p == pytest.approx(2 * stats.norm.sf(z))


def test_with_one_class_in_error_it_is_mcnemars_test() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], [200, 200])
    a, b = labels.copy(), labels.copy()
    a[:200], b[:200] = rng.integers(0, 2, 200), rng.random(200) < 0.6
    only_a, only_b = ((a == 1) & (b == 0)).sum(), ((b == 1) & (a == 0)).sum()
    chi2 = (only_a - only_b) ** 2 / (only_a + only_b)
    assert paired_hter_test(a, b, labels).p == pytest.approx(stats.chi2.sf(chi2, 1))


def test_by_groups_it_is_the_formula_of_whole_groups() -> None:
    rng = np.random.default_rng(5)
    a, b, labels = classifiers(rng, 60, 240)
    groups = rng.integers(0, 40, 300)
    found = paired_hter_test(a, b, labels, groups=[f"patient {group}" for group in groups])
    share = np.where(labels == 0, 1 / 60, 1 / 240) / 2
    gap = (a != labels) * share - 1.0 * (b != labels) * share
    sums = np.array([gap[groups == group].sum() for group in range(40)])
    freedom = min(len({*groups[labels == label].tolist()}) for label in (0, 1)) - 1
    assert found.p == pytest.approx(
        2 * stats.t.sf(abs(gap.sum()) / np.sqrt((sums**2).sum()), freedom)
    )
    alone = paired_hter_test(a, b, labels)
    assert paired_hter_test(a, b, labels, groups=np.arange(300)) == alone
    assert alone.hter == pytest.approx(found.hter)
    with pytest.raises(ValueError, match="groups"):
        paired_hter_test(a, b, labels, groups=[1, 2])


def test_patients_prone_to_errors_raise_no_more_false_alarms() -> None:
    """Two equally good classifiers of 60 patients of 20 images each, who differ in each."""
    rng = np.random.default_rng(6)
    groups = np.repeat(np.arange(60), 20)
    labels = (rng.random(1200) < 0.8).astype(np.int64)
    by_group, by_image, covered = [], [], []
    for _ in range(400):
        prone = rng.beta(0.3, 1.7, (2, 60))[:, groups]
        a, b = np.where(rng.random((2, 1200)) < prone, 1 - labels, labels)
        found = paired_hter_test(a, b, labels, groups=groups)
        by_group.append(found.p < 0.05)
        covered.append(found.low <= 0 <= found.high)
        by_image.append(paired_hter_test(a, b, labels).p < 0.05)
    assert 0.02 <= np.mean(by_group) <= 0.08
    assert np.mean(covered) >= 0.9
    assert np.mean(by_image) > 0.3


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.01, 0.12, 0.5])
def test_false_alarms_under_the_null_have_the_nominal_rate(share: float) -> None:
    rng = np.random.default_rng(int(100 * share))
    n0 = round(4000 * share)
    trials = [classifiers(rng, n0, 4000 - n0) for _ in range(1500)]
    p_values = np.array([paired_hter_test(*trial).p for trial in trials])
    # 5 % of 1,500, give or take three standard errors.
    assert 0.033 <= (p_values < 0.05).mean() <= 0.068


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.01, 0.12, 0.5])
def test_interval_covers_the_true_difference_at_its_level(share: float) -> None:
    rng = np.random.default_rng(7)
    n0 = round(4000 * share)
    scale = np.sqrt([1 + 1.0, 1 + 2.25])
    truth = float(np.subtract(*stats.norm.cdf(-1 / scale)))
    covered = 0
    for _ in range(1000):
        found = paired_hter_test(*classifiers(rng, n0, 4000 - n0, 1.0, 1.5))
        covered += found.low <= truth <= found.high
    assert 930 <= covered <= 970


def test_equal_decisions_have_no_difference() -> None:
    a, _, labels = classifiers(np.random.default_rng(4), 30, 70)
    found = paired_hter_test(a, a, labels)
    assert (found.hter, found.p) == (0, 1)
    bounds = [stats.binomtest(0, n).proportion_ci(method="wilson").high for n in (30, 70)]
    assert (-found.low, found.high) == pytest.approx((np.hypot(*bounds) / 2,) * 2)


@pytest.mark.parametrize("minority", [3, 10, 60])
@pytest.mark.parametrize("size", [1, 4])
def test_p_and_interval_never_contradict_each_other(minority: int, size: int) -> None:
    rng = np.random.default_rng(minority)
    apart = 0
    for _ in range(400):
        a, b, labels = classifiers(rng, minority, 300, spread_b=2.0)
        groups = np.arange(len(labels)) // size
        found = paired_hter_test(a, b, labels, groups=groups)
        assert (found.p < 0.05) == (not found.low <= 0 <= found.high)
        apart += found.p < 0.05
    assert apart > 5 or (size == 4 and minority < 60)  # no more than three groups


def test_few_groups_raise_no_more_false_alarms() -> None:
    """Five groups of the minority: with the normal distribution, .10 of these are told apart."""
    rng = np.random.default_rng(0)
    groups = np.concatenate([np.repeat(np.arange(5), 8), 5 + np.repeat(np.arange(30), 8)])
    labels = np.repeat([0, 1], [40, 240])
    alarms, covered = [], []
    for _ in range(800):
        prone = rng.beta(1.0, 2.0, (2, 35))[:, groups]
        a, b = np.where(rng.random((2, 280)) < prone, 1 - labels, labels)
        found = paired_hter_test(a, b, labels, groups=groups)
        alarms.append(found.p < 0.05)
        covered.append(found.low <= 0 <= found.high)
    assert np.mean(alarms) <= 0.06
    assert np.mean(covered) >= 0.94


def test_without_overlap_the_corrected_t_is_students() -> None:
    differences = [0.01, -0.02, 0.03, 0.02, 0.015]
    expected = stats.ttest_1samp(differences, 0).pvalue
    assert corrected_resampled_t(differences, 1e12, 1) == pytest.approx(expected)
    assert corrected_resampled_t(differences, 80, 20) > expected
    assert np.isnan(corrected_resampled_t([0.1], 80, 20))
    assert corrected_resampled_t([0.0, 0.0], 80, 20) == 1


def test_folds_of_one_data_set_raise_fewer_false_alarms_than_the_plain_t() -> None:
    # Fold means of two rules of the same strength, each learnt from the other folds' images.
    rng = np.random.default_rng(5)
    alarms = {"plain": 0, "corrected": 0}
    for _ in range(600):
        sample, noise = rng.normal(0, 1, (2, 50, 3))
        labels = rng.integers(0, 2, 50)
        differences = []
        for _ in range(10):  # repeated random splits share most of their images
            order = rng.permutation(50)
            fit, test = order[:40], order[40:]
            errors = []
            for data in (sample, noise):
                centers = [data[fit][labels[fit] == label].mean(0) for label in (0, 1)]
                distance = [((data[test] - center) ** 2).sum(1) for center in centers]
                errors.append(float(((distance[1] < distance[0]) != labels[test]).mean()))
            differences.append(errors[0] - errors[1])
        if np.std(differences) > 0:
            alarms["plain"] += stats.ttest_1samp(differences, 0).pvalue < 0.05
            alarms["corrected"] += corrected_resampled_t(differences, 40, 10) < 0.05
    assert alarms["corrected"] <= 0.09 * 600 < alarms["plain"]


def test_holm_leaves_a_nan_and_counts_the_others() -> None:
    assert holm([0.04, float("nan"), 0.02])[::2] == holm([0.04, 0.02]) == [0.04, 0.04]
    assert np.isnan(holm([0.04, float("nan"), 0.02])[1])
    assert holm([]) == []


def test_holm_is_the_sequence_of_its_definition() -> None:
    rng = np.random.default_rng(6)
    for _ in range(50):
        p_values = rng.random(6) ** 3
        for alpha in (0.01, 0.05, 0.2):
            rejected = set()
            for done, position in enumerate(np.argsort(p_values)):
                if p_values[position] > alpha / (6 - done):
                    break
                rejected.add(int(position))
            found = {i for i, p in enumerate(holm(p_values.tolist())) if p <= alpha}
            assert found == rejected


@pytest.mark.parametrize(
    ("a", "b", "labels"),
    [([0, 1], [0, 1], [1, 1]), ([0], [0, 1], [0, 1]), ([0, 2], [0, 1], [0, 1])],
)
def test_invalid_comparisons_are_refused(a: list[int], b: list[int], labels: list[int]) -> None:
    with pytest.raises(ValueError, match=r"expected|needed|neither"):
        paired_hter_test(a, b, labels)
