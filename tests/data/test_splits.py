import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from imbclf.data.splits import Fold, stratified_folds
from imbclf.errors import UserError


def draw_labels(n: int = 1200, minority: float = 0.12, seed: int = 0) -> NDArray[np.int64]:
    return (np.random.default_rng(seed).random(n) > minority).astype(np.int64)


def assert_partition(folds: list[Fold], n: int) -> None:
    """The parts of each fold are sorted and make up the data, the test parts of all folds too."""
    for fold in folds:
        for part in (fold.fit, fold.dev, fold.test):
            assert part.dtype == np.int64
            assert (np.diff(part) > 0).all()
        together = np.concatenate([fold.fit, fold.dev, fold.test])
        assert np.array_equal(np.sort(together), np.arange(n))
    tested = np.concatenate([fold.test for fold in folds])
    assert np.array_equal(np.sort(tested), np.arange(n))


@given(
    st.integers(2, 8),
    st.integers(8, 40),
    st.integers(8, 200),
    st.floats(0.01, 0.99),
    st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=60)
def test_parts_partition_the_data_in_the_right_shares(
    k: int, n0: int, n1: int, share: float, seed: int
) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat([0, 1], [n0, n1]))
    dev_fraction = share * (1 - 1 / k)
    folds = stratified_folds(labels, k, seed, dev_fraction=dev_fraction)
    assert len(folds) == k
    assert_partition(folds, n0 + n1)
    for fold in folds:
        for label, count in ((0, n0), (1, n1)):
            fit, dev, test = ((labels[p] == label).sum() for p in (fold.fit, fold.dev, fold.test))
            assert min(fit, dev, test) >= 1
            assert abs(test - count / k) < 1
            # One image per class must stay in fit, however large dev is to be.
            assert abs(dev - np.clip(dev_fraction * count, 1, count - test - 1)) < 1


def test_every_part_keeps_the_class_share() -> None:
    labels = draw_labels()
    n0 = 1200 - labels.sum()
    for fold in stratified_folds(labels, 5, seed=0, dev_fraction=0.1):
        for part, share in ((fold.fit, 0.7), (fold.dev, 0.1), (fold.test, 0.2)):
            assert abs((labels[part] == 0).sum() - share * n0) <= 1.5
            assert abs((labels[part] == 1).sum() - share * (1200 - n0)) <= 1.5


@pytest.mark.parametrize("seed", [0, 7])
def test_test_parts_are_scikit_learns(seed: int) -> None:
    labels = draw_labels()
    groups = np.random.default_rng(1).integers(0, 300, 1200)
    for given_groups, splitter in ((None, StratifiedKFold), (groups, StratifiedGroupKFold)):
        expected = splitter(4, shuffle=True, random_state=seed).split(labels, labels, given_groups)
        folds = stratified_folds(labels, 4, seed, groups=given_groups)
        for fold, (_, test) in zip(folds, expected, strict=True):
            assert np.array_equal(fold.test, test)


@pytest.mark.parametrize("grouped", [False, True])
def test_seeds_decide_test_and_dev(grouped: bool) -> None:
    labels = draw_labels()
    groups = np.random.default_rng(1).integers(0, 300, 1200) if grouped else None
    first, again, other = (stratified_folds(labels, 3, seed, groups) for seed in (0, 0, 1))
    for a, b, c in zip(first, again, other, strict=True):
        for part in ("fit", "dev", "test"):
            assert np.array_equal(getattr(a, part), getattr(b, part))
            assert not np.array_equal(getattr(a, part), getattr(c, part))


def test_dev_is_drawn_at_random_and_anew_in_each_fold() -> None:
    """Not the first rows, nor the same rows for all folds: 3 of 30 overlap by chance."""
    labels = np.repeat([0, 1], [100, 200])
    folds = stratified_folds(labels, 10, seed=0)
    assert abs(np.mean([fold.dev.mean() for fold in folds]) - 149.5) < 20
    overlaps = [len(np.intersect1d(a.dev, b.dev)) for a in folds for b in folds if a is not b]
    assert np.mean(overlaps) == pytest.approx(3, abs=1)


@given(st.integers(2, 5), st.integers(20, 60), st.integers(0, 1000), st.floats(0.1, 0.3))
@settings(deadline=None, max_examples=40)
def test_groups_are_never_split(k: int, n_groups: int, seed: int, dev_fraction: float) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat(np.arange(n_groups), rng.integers(1, 9, n_groups)))
    labels = (rng.random(len(groups)) > 0.3).astype(np.int64)
    folds = stratified_folds(labels, k, seed, groups, dev_fraction)
    assert_partition(folds, len(groups))
    for fold in folds:
        parts = [set(groups[part]) for part in (fold.fit, fold.dev, fold.test)]
        assert sum(map(len, parts)) == len(set.union(*parts)) == n_groups
        for part in (fold.fit, fold.dev, fold.test):
            assert set(labels[part]) == {0, 1}


def test_grouped_shares_are_near_the_ideal() -> None:
    labels = draw_labels(6000)
    groups = np.random.default_rng(1).integers(0, 2000, 6000)
    for fold in stratified_folds(labels, 5, 0, groups, dev_fraction=0.1):
        for part, share in ((fold.fit, 0.7), (fold.dev, 0.1), (fold.test, 0.2)):
            for label in (0, 1):
                expected = share * (labels == label).sum()
                assert abs((labels[part] == label).sum() - expected) <= 3


def test_groups_may_be_names_and_of_one_class_each() -> None:
    labels = np.repeat(np.arange(40) % 4 > 0, 5).astype(np.int64)
    names = np.repeat([f"patient {number}" for number in range(40)], 5)
    by_name = stratified_folds(labels, 4, 0, names)
    assert_partition(by_name, 200)
    for fold in by_name:
        assert not set(names[fold.dev]) & set(names[fold.fit])
        assert set(labels[fold.dev]) == {0, 1}


def test_a_class_in_few_large_groups_still_reaches_dev() -> None:
    """Every group with label 0 overshoots the 4 images wanted, and still one must go to dev."""
    labels = np.concatenate([np.zeros(40, int), np.ones(400, int)])
    groups = np.arange(440) // 10
    for fold in stratified_folds(labels, 3, 0, groups, dev_fraction=0.1):
        assert (labels[fold.dev] == 0).sum() == 10
        assert (labels[fold.dev] == 1).sum() == 40


def test_dev_never_takes_the_last_groups_of_a_class() -> None:
    """Two groups of label 0 are left beside the test part; 1.8 are wanted, one must stay in fit."""
    labels = np.repeat(np.arange(44) >= 4, 10).astype(np.int64)
    for fold in stratified_folds(labels, 2, 0, np.arange(440) // 10, dev_fraction=0.45):
        assert (labels[fold.dev] == 0).sum() == (labels[fold.fit] == 0).sum() == 10


def test_a_million_images_and_two_folds_of_the_least_size() -> None:
    labels = draw_labels(1_000_000)
    assert_partition(stratified_folds(labels, 5, 0), 1_000_000)
    smallest = [0, 1] * 4
    assert_partition(stratified_folds(smallest, 2, 0), 8)
    assert_partition(stratified_folds([0, 0, 0, 1, 1, 1, 1], 3, 0), 7)


@pytest.mark.parametrize(
    ("counts", "k", "dev_fraction", "message"),
    [
        ((50, 50), 1, 0.1, "cv.folds=1: expected 2 or more"),
        ((50, 50), 5, 0.0, "cv.dev_fraction=0.0: expected a share above 0"),
        ((50, 50), 5, 0.8, "cv.dev_fraction=0.8: .* with cv.folds=5, below 0.8"),
        ((50, 50), 2, float("nan"), "cv.dev_fraction=nan"),
        ((50, 7), 10, 0.1, "cv.folds=10: label 1 has only 7 images.* that works is 7$"),
        ((2, 50), 5, 0.1, "label 0 has only 2 images.*no cv.folds works with fewer than 3$"),
        ((3, 50), 2, 0.1, "cv.folds=2: label 0 has only 3 images.* 4 in all; .* that works is 3$"),
        ((50, 0), 5, 0.1, "label 1 has only 0 images"),
        ((0, 0), 5, 0.1, "label 0 has only 0 images"),
    ],
)
def test_impossible_splits_are_refused(
    counts: tuple[int, int], k: int, dev_fraction: float, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        stratified_folds(np.repeat([0, 1], counts), k, 0, dev_fraction=dev_fraction)


@pytest.mark.parametrize("fewest", range(3, 9))
@pytest.mark.parametrize("k", range(2, 9))
def test_the_suggested_number_of_folds_works(fewest: int, k: int) -> None:
    labels = np.repeat([0, 1], [fewest, 60])
    try:
        assert_partition(stratified_folds(labels, k, 0), fewest + 60)
    except UserError as error:
        advised = int(str(error).split()[-1])
        assert_partition(stratified_folds(labels, advised, 0), fewest + 60)
        with pytest.raises(UserError):
            stratified_folds(labels, advised + 1, 0)


def test_too_few_groups_are_refused() -> None:
    labels = np.array([0, 1] * 30)
    with pytest.raises(UserError, match=r"cv.folds=5: label 0 has only 4 groups.* works is 4$"):
        stratified_folds(labels, 5, 0, groups=np.arange(60) // 2 % 4)
    one_class_in_two_groups = np.where(labels == 0, np.arange(60) % 4, np.arange(60))
    with pytest.raises(UserError, match="label 0 has only 2 groups"):
        stratified_folds(labels, 5, 0, groups=one_class_in_two_groups)


def test_groups_that_leave_a_part_without_a_class_are_refused() -> None:
    """One group is so large that a test part is all others, and it alone cannot be fit and dev."""
    groups = np.repeat(np.arange(4), [300, 3, 3, 3])
    labels = np.tile([0, 1, 1], 103)
    with pytest.raises(
        UserError, match=r"groups: the (dev|fit) part of fold \d has no image of label 0"
    ):
        stratified_folds(labels, 2, 0, groups=groups)


def test_arrays_must_fit_together() -> None:
    with pytest.raises(ValueError, match="groups"):
        stratified_folds([0, 1] * 10, 2, 0, groups=[1, 2])
    with pytest.raises(ValueError, match="neither 0 nor 1"):
        stratified_folds([0, 1, 2] * 10, 2, 0)
