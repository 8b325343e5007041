"""The test between recipes over seeds: its parts by hand, its alarms by simulation."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import balanced_accuracy_score

from imbclf.metrics.replicates import compare_replicates
from imbclf.metrics.significance import paired_hter_test

LABELS = np.repeat([0, 1], [60, 240])


def decisions(rng: np.random.Generator, shift: NDArray[np.float64]) -> NDArray[np.int64]:
    """Decisions `[R, N]` on one draw of scores, each seed with a shift of its own."""
    seen = rng.normal(1.5 * LABELS - 0.75, 1.0)
    noise = rng.normal(0, 0.5, (len(shift), len(LABELS)))
    return (seen + noise + shift[:, None] >= 0).astype(np.int64)


def test_the_variance_is_that_of_welch_and_that_of_the_paired_test() -> None:
    rng = np.random.default_rng(1)
    a, b = decisions(rng, rng.normal(0, 0.3, 4)), decisions(rng, rng.normal(0.5, 0.1, 3))
    found = compare_replicates(a, b, LABELS)
    hters = [
        np.array([1 - balanced_accuracy_score(LABELS, row) for row in rows]) for rows in (a, b)
    ]
    welch = stats.ttest_ind(*hters, equal_var=False)
    assert found.hter == pytest.approx(hters[0].mean() - hters[1].mean())
    of_seeds = (found.hter / welch.statistic) ** 2
    paired = paired_hter_test(a.mean(axis=0), b.mean(axis=0), LABELS)
    of_images = ((paired.high - paired.low) / 2 / stats.norm.ppf(0.975)) ** 2
    total = of_seeds + of_images
    df = welch.df * (total / of_seeds) ** 2
    half = stats.t.ppf(0.975, df) * np.sqrt(total)
    assert (found.low, found.high) == pytest.approx((found.hter - half, found.hter + half))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(found.hter) / np.sqrt(total), df))


def test_images_of_a_patient_count_together() -> None:
    rng = np.random.default_rng(2)
    a, b = (decisions(rng, rng.normal(0, 0.1, 3)) for _ in range(2))
    a2, b2 = (np.repeat(rows, 2, axis=1) for rows in (a, b))
    labels, patients = np.repeat(LABELS, 2), np.repeat(np.arange(len(LABELS)), 2)
    single, copied = compare_replicates(a, b, LABELS), compare_replicates(a2, b2, labels)
    grouped = compare_replicates(a2, b2, labels, groups=patients)
    assert grouped.high - grouped.low == pytest.approx(single.high - single.low, rel=1e-6)
    assert copied.high - copied.low < single.high - single.low


def test_equal_decisions_are_no_difference() -> None:
    same = np.tile(LABELS, (3, 1))
    found = compare_replicates(same, same, LABELS)
    assert (found.hter, found.p) == (0, 1)
    assert found.low < 0 < found.high


def test_one_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="two or more seeds"):
        compare_replicates([LABELS], [LABELS, LABELS], LABELS)
    with pytest.raises(ValueError, match="two or more seeds"):
        compare_replicates(LABELS, LABELS, LABELS)


def test_seeds_that_differ_raise_few_alarms_where_the_paired_test_raises_many() -> None:
    """One recipe, whose seeds shift all its decisions; 300 comparisons of it with itself."""
    rng = np.random.default_rng(3)
    over_seeds, paired = [], []
    for _ in range(300):
        both = decisions(rng, rng.normal(0, 0.4, 6))
        over_seeds.append(compare_replicates(both[:3], both[3:], LABELS).p < 0.05)
        paired.append(paired_hter_test(both[0], both[3], LABELS).p < 0.05)
    assert np.mean(over_seeds) < 0.06
    assert np.mean(paired) > 0.09
