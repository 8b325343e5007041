import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, binomtest

from imbclf.metrics.error_rates import hter
from imbclf.metrics.intervals import (
    bootstrap_hter_interval,
    hter_interval,
    wilson_interval,
)


@pytest.mark.parametrize(("errors", "n"), [(0, 30), (1, 30), (15, 30), (30, 30), (7, 1), (0, 1)])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_wilson_interval_equals_scipys(errors: int, n: int, level: float) -> None:
    errors = min(errors, n)
    expected = binomtest(errors, n).proportion_ci(level, method="wilson")
    assert wilson_interval(errors / n, n, level) == pytest.approx(tuple(expected), abs=1e-12)


def test_bounds_never_leave_0_and_1() -> None:
    for n in np.arange(1, 400, 0.7):
        for errors in {0.0, n, 0.3 * n}:
            low, high = wilson_interval(errors / n, n)
            assert 0 <= low <= high <= 1
            assert f"{low:.4f}"[0] != "-"
    # The effective numbers of clustered images are no whole numbers: rounding led to -7e-18 here.
    assert min(wilson_interval(0.0, n)[0] for n in np.arange(1, 99, 0.01)) == 0
    for zeros in range(1, 60):
        assert hter_interval(0.0, 0.0, zeros, 7 * zeros)[0] == 0


Interval = Callable[[float, float, int, int], tuple[float, float]]


def exact_coverage(
    far: float, frr: float, n0: int, n1: int, interval: Interval = hter_interval
) -> float:
    """Sum the probabilities of all error counts whose interval covers the true HTER."""
    errors_of = [
        range(int(binom.ppf(1e-7, n, p)), int(binom.ppf(1 - 1e-7, n, p)) + 1)
        for n, p in ((n0, far), (n1, frr))
    ]
    covered = 0.0
    for errors0 in errors_of[0]:
        for errors1 in errors_of[1]:
            low, high = interval(errors0 / n0, errors1 / n1, n0, n1)
            if low <= (far + frr) / 2 <= high:
                covered += binom_pmf(errors0, n0, far) * binom_pmf(errors1, n1, frr)
    return covered


def binom_pmf(k: int, n: int, p: float) -> float:
    log = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(log + k * math.log(p) + (n - k) * math.log1p(-p))


@pytest.mark.slow
@pytest.mark.parametrize(("n0", "n1"), [(12, 1188), (144, 1056), (300, 300), (30, 270)])
@pytest.mark.parametrize(("far", "frr"), [(0.1, 0.08), (0.3, 0.05), (0.25, 0.25)])
def test_interval_covers_at_its_level(far: float, frr: float, n0: int, n1: int) -> None:
    """Exact: no simulation, so no luck. 1 %, 12 %, 50 % and 10 % minority."""
    assert 0.93 < exact_coverage(far, frr, n0, n1) < 0.97


def normal_interval(far: float, frr: float, n0: int, n1: int) -> tuple[float, float]:
    half = 1.959964 * math.sqrt(far * (1 - far) / n0 + frr * (1 - frr) / n1) / 2
    return (far + frr) / 2 - half, (far + frr) / 2 + half


def test_interval_covers_with_hardly_any_errors() -> None:
    """Mostly none of 12 images is wrong: so few values are possible that 95 % cannot be met."""
    assert 0.88 < exact_coverage(0.01, 0.01, 12, 1188) < 0.97
    assert exact_coverage(0.01, 0.01, 12, 1188, normal_interval) < 0.25
    assert 0.93 < exact_coverage(0.01, 0.01, 30, 270) < 0.97
    assert exact_coverage(0.01, 0.01, 30, 270, normal_interval) < 0.75


def test_interval_narrows_to_the_normal_one_and_contains_the_estimate() -> None:
    low, high = hter_interval(0.05, 0.05, 12_102, 87_898)
    expected = normal_interval(0.05, 0.05, 12_102, 87_898)
    assert (low, high) == pytest.approx(expected, abs=1e-4)
    for far, frr in ((0.0, 0.0), (0.0, 0.1), (1.0, 0.0), (1.0, 1.0)):
        low, high = hter_interval(far, frr, 30, 200)
        assert 0 <= low <= (far + frr) / 2 <= high <= 1
        assert high - low > 0.01


def test_a_higher_level_gives_a_wider_interval() -> None:
    decisions, labels = sample(0)
    by_level = [hter_interval(0.1, 0.1, 30, 300, level) for level in (0.5, 0.9, 0.95, 0.99)]
    bootstrapped = [bootstrap_hter_interval(decisions, labels, level=lv) for lv in (0.5, 0.9, 0.99)]
    for intervals in (by_level, bootstrapped):
        for (low, high), (lower, higher) in pairwise(intervals):
            assert lower < low < high < higher


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, math.nan])
def test_a_level_is_a_probability(level: float) -> None:
    with pytest.raises(ValueError, match="level"):
        hter_interval(0.1, 0.1, 10, 10, level)
    with pytest.raises(ValueError, match="level"):
        bootstrap_hter_interval([0, 1], [0, 1], level=level)


def test_an_absent_class_gives_nan() -> None:
    assert all(map(math.isnan, hter_interval(math.nan, 0.1, 0, 10)))
    assert all(map(math.isnan, hter_interval(0.1, math.nan, 10, 0)))
    assert all(map(math.isnan, bootstrap_hter_interval([0, 1], [1, 1])))
    assert all(map(math.isnan, bootstrap_hter_interval([0, 1], [0, 0], groups=[1, 2])))
    assert all(map(math.isnan, bootstrap_hter_interval([], [])))


def sample(
    seed: int, groups: int = 400, size: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Decisions wrong for 20 % of the groups, each of `size` images that go wrong together."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(groups) % 4 > 0, size).astype(np.int64)
    wrong = np.repeat(rng.random(groups) < 0.2, size)
    return np.where(wrong, 1 - labels, labels), labels


def looped_bootstrap(
    decisions: NDArray[np.int64], labels: NDArray[np.int64], resamples: int
) -> NDArray[np.float64]:
    rng = np.random.default_rng(1)
    rows = [np.flatnonzero(labels == label) for label in (0, 1)]
    hters = []
    for _ in range(resamples):
        drawn = np.concatenate([rng.choice(part, len(part)) for part in rows])
        hters.append(hter(decisions[drawn], labels[drawn]))
    return np.quantile(hters, [0.025, 0.975])


def test_bootstrap_equals_a_loop_that_resamples_images() -> None:
    decisions, labels = sample(0)
    expected = looped_bootstrap(decisions, labels, 2000)
    low, high = bootstrap_hter_interval(decisions, labels, resamples=20_000)
    assert (low, high) == pytest.approx(expected, abs=0.006)
    assert (low, high) == pytest.approx(
        hter_interval(decisions[labels == 0].mean(), (1 - decisions[labels == 1]).mean(), 100, 300),
        abs=0.01,
    )


def test_groups_of_one_image_change_nothing() -> None:
    decisions, labels = sample(0)
    alone = bootstrap_hter_interval(decisions, labels)
    assert bootstrap_hter_interval(decisions, labels, groups=np.arange(400)) == alone
    names = [f"patient {number}" for number in range(400)]
    assert bootstrap_hter_interval(decisions, labels, groups=names) == alone


def test_groups_are_resampled_whole() -> None:
    """Nine images that always go wrong together say as much as one: intervals three times wider."""
    decisions, labels = sample(0, size=9)
    one_each = bootstrap_hter_interval(decisions[::9], labels[::9])
    grouped = bootstrap_hter_interval(decisions, labels, groups=np.arange(len(labels)) // 9)
    as_if_independent = bootstrap_hter_interval(decisions, labels)
    assert grouped == pytest.approx(one_each)
    ratio = (grouped[1] - grouped[0]) / (as_if_independent[1] - as_if_independent[0])
    assert ratio == pytest.approx(3, rel=0.1)


def test_groups_of_both_labels_equal_a_loop() -> None:
    rng = np.random.default_rng(3)
    groups = np.sort(rng.integers(0, 60, 600))
    labels = (rng.random(600) < rng.random(60)[groups]).astype(np.int64)
    decisions = np.where(rng.random(600) < 0.4 * rng.random(60)[groups], 1 - labels, labels)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    kinds = [(bool((labels[m] == 0).any()), bool((labels[m] == 1).any())) for m in members]
    strata = [[m for m, k in zip(members, kinds, strict=True) if k == kind] for kind in set(kinds)]
    assert len(strata) > 1
    hters = []
    for _ in range(2000):
        picks = [s[i] for s in strata for i in rng.integers(0, len(s), len(s))]
        rows = np.concatenate(picks)
        hters.append(hter(decisions[rows], labels[rows]))
    expected = np.quantile(hters, [0.025, 0.975])
    found = bootstrap_hter_interval(decisions, labels, groups=groups, resamples=20_000)
    assert found == pytest.approx(expected, abs=0.005)


def test_bootstrap_is_repeatable_and_seeds_differ() -> None:
    decisions, labels = sample(0)
    first = bootstrap_hter_interval(decisions, labels, seed=1, resamples=200)
    assert bootstrap_hter_interval(decisions, labels, seed=1, resamples=200) == first
    others = {bootstrap_hter_interval(decisions, labels, seed=s, resamples=200) for s in range(9)}
    assert len(others) > 1


def test_two_images_of_a_class_suffice() -> None:
    """Resampled without strata, some data sets would lack the class and the bounds be NaN."""
    low, high = bootstrap_hter_interval([0, 1] + [1] * 50, [0, 0] + [1] * 50)
    assert (low, high) == (0.0, 0.5)


def test_one_group_that_alone_holds_a_class_is_in_every_resample() -> None:
    labels, groups = [0, 0, 1] + [1] * 50, [0, 0, 0, *range(1, 51)]
    assert bootstrap_hter_interval([0, 1] + [1] * 51, labels, groups=groups) == (0.25, 0.25)


@pytest.mark.parametrize(
    ("decisions", "labels", "groups", "message"),
    [
        ([0, 1], [0], None, "one shape"),
        ([[0], [1]], [[0], [1]], None, "one shape"),
        ([0, 2], [0, 1], None, "only 0 and 1"),
        ([0, 1], [0, 3], None, "only 0 and 1"),
        ([0, 1], [0, 1], [1], "groups"),
    ],
)
def test_bad_input_is_refused(
    decisions: list[int], labels: list[int], groups: list[int] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        bootstrap_hter_interval(decisions, labels, groups=groups)
