from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.special import logit
from scipy.stats import gaussian_kde, norm
from sklearn.metrics import roc_curve

from helpers.gaussians import draw
from imbclf.metrics.calibration import fit_platt
from imbclf.metrics.error_rates import decide, hter
from imbclf.metrics.thresholds import (
    Method,
    _condensed,
    bandwidth,
    bayes_threshold,
    choose_threshold,
    min_hter_threshold,
    smoothed_min_hter_threshold,
)

METHODS: tuple[Method, ...] = get_args(Method)


def true_hter(threshold: float, distance: float = 2.6) -> float:
    return float(norm.sf(threshold) + norm.cdf(threshold - distance)) / 2


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("decimals", [15, 1])
def test_min_hter_threshold_reaches_the_least_hter_of_the_roc_curve(
    seed: int, decimals: int
) -> None:
    scores, labels = draw(seed, decimals=decimals)
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    threshold = min_hter_threshold(scores, labels)
    assert hter(decide(scores, threshold), labels) == pytest.approx(((fpr + 1 - tpr) / 2).min())
    assert threshold not in scores
    below, above = scores[scores < threshold].max(), scores[scores > threshold].min()
    assert threshold == pytest.approx((below + above) / 2)


def test_of_equally_good_thresholds_the_one_with_the_closest_rates_is_taken() -> None:
    scores = [1, 2, 3, 4, 5, 6]
    # FAR and FRR are 2/3 and 0 at 1.5, 1/3 and 1/3 at 3.5, 0 and 2/3 at 5.5.
    assert min_hter_threshold(scores, [0, 1, 0, 1, 0, 1]) == 3.5
    # They are 1/2 and 0 at 2.5, 0 and 1/2 at 5.5: equally far apart, so the lower.
    assert min_hter_threshold(scores, [0, 0, 1, 0, 0, 1]) == 2.5


def test_where_deciding_always_the_same_is_best_the_threshold_is_just_outside() -> None:
    """Every threshold between these scores is worse than none."""
    scores, labels = np.array([-5.0, 7.0]), [1, 0]
    threshold = min_hter_threshold(scores, labels)
    assert np.isfinite(threshold)
    assert hter(decide(scores, threshold), labels) == 0.5
    assert -5.1 < threshold < -5 or 7 < threshold < 7.1
    as_float32 = scores.astype(np.float32) >= np.float32(threshold)
    assert as_float32.tolist() == decide(scores, threshold).tolist()


@pytest.mark.parametrize("method", METHODS)
def test_scores_that_are_all_the_same_give_a_finite_threshold(method: Method) -> None:
    for score in (0.0, 3.0, -1e20):
        threshold = choose_threshold([score] * 4, [0, 1, 1, 1], method)
        assert np.isfinite(threshold)
        assert abs(threshold - score) <= 1e-5 * max(1, abs(score))


def test_smoothed_threshold_is_the_crossing_of_two_kernel_density_estimates() -> None:
    """Where the smoothed HTER is least, the two class densities are equal."""
    scores, labels = draw(0)
    threshold = smoothed_min_hter_threshold(scores, labels)
    densities = []
    for label in (0, 1):
        sample = scores[labels == label]
        quartile_range = np.subtract(*np.percentile(sample, [75, 25])) / 1.349
        width = 1.06 * min(sample.std(), quartile_range) * len(sample) ** -0.2
        assert bandwidth(sample) == pytest.approx(width)
        estimate = gaussian_kde(sample, bw_method=width / sample.std(ddof=1))
        densities.append(float(estimate(threshold)[0]))
    assert densities[0] == pytest.approx(densities[1], rel=0.01)


def test_smoothed_and_bayes_lose_much_less_than_min_hter() -> None:
    excess = {
        method: np.mean(
            [
                true_hter(choose_threshold(*draw(seed), method)) - true_hter(1.3)
                for seed in range(60)
            ]
        )
        for method in METHODS
    }
    assert excess["min_hter"] > 0.0012
    assert 0 < excess["smoothed"] < 0.5 * excess["min_hter"]
    assert 0 < excess["bayes"] < 0.5 * excess["min_hter"]


@pytest.mark.parametrize("method", METHODS)
def test_all_methods_find_the_crossing_of_two_gaussians(method: Method) -> None:
    scores, labels = draw(0, n0=4_000, n1=12_000)
    assert choose_threshold(scores, labels, method) == pytest.approx(1.3, abs=0.15)


@pytest.mark.parametrize("method", METHODS)
def test_a_gap_between_the_classes_is_cut(method: Method) -> None:
    scores = np.concatenate([np.linspace(-2, -1, 30), np.linspace(1, 2, 300)])
    threshold = choose_threshold(scores, np.repeat([0, 1], [30, 300]), method)
    assert abs(threshold) < (1 if method == "bayes" else 0.3)


@pytest.mark.parametrize("method", METHODS)
def test_an_outlier_does_not_carry_the_threshold_away(method: Method) -> None:
    scores, labels = draw(1)
    expected = choose_threshold(scores, labels, method)
    scores[-1] = 60.0
    assert choose_threshold(scores, labels, method) == pytest.approx(expected, abs=0.3)


@pytest.mark.parametrize("method", ["min_hter", "smoothed"])
def test_the_farthest_outlier_changes_next_to_nothing(method: Method) -> None:
    scores, labels = draw(1)
    expected = choose_threshold(scores, labels, method)
    scores[-1] = 1e4
    assert choose_threshold(scores, labels, method) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("tail", ["normal", "heavy", "skewed"])
def test_bins_of_many_scores_move_the_threshold_by_next_to_nothing(
    tail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(40_000) < 0.3).astype(np.int64)
    draws = {
        "normal": rng.normal(size=40_000),
        "heavy": rng.standard_t(2, 40_000),
        "skewed": rng.exponential(size=40_000),
    }
    scores = draws[tail] + 1.5 * labels
    binned = smoothed_min_hter_threshold(scores, labels)
    monkeypatch.setattr("imbclf.metrics.thresholds.EXACT", 10**9)
    exact = smoothed_min_hter_threshold(scores, labels)
    assert abs(binned - exact) < 0.01 * bandwidth(scores[labels == 1])


def test_a_million_scores_are_a_few_thousand_bins() -> None:
    sample = np.random.default_rng(0).normal(size=1_000_000)
    points, counts = _condensed(sample, bandwidth(sample))
    assert counts is not None
    assert len(points) < 3000
    assert np.average(points, weights=counts) == pytest.approx(sample.mean())


def test_a_gap_much_wider_than_the_classes_is_cut_in_the_middle() -> None:
    """All of it is equally good: kernels of either class underflow there."""
    scores = np.concatenate([np.linspace(-101, -100, 30), np.linspace(100, 101, 300)])
    labels = np.repeat([0, 1], [30, 300])
    assert smoothed_min_hter_threshold(scores, labels) == pytest.approx(0, abs=5)


def test_bayes_threshold_outside_the_scores_is_clipped_within_float32_resolution() -> None:
    """Platt's targets put the mean probability a little below the prior."""
    scores = np.array([0.0, 1.0] * 26 + [1.0])
    labels = np.array([0, 0] + [1] * 51)
    assert fit_platt(scores, labels)[0] > 0
    threshold = bayes_threshold(scores, labels)
    assert 1 < threshold < 1.1
    assert not (scores.astype(np.float32) >= np.float32(threshold)).any()


def test_bandwidth_of_a_sample_that_is_mostly_one_number() -> None:
    sample = np.array([0.0] * 9 + [1.0])
    assert bandwidth(sample) == pytest.approx(1.06 * 0.3 / 10**0.2)


def test_smoothed_finds_the_threshold_among_saturated_scores() -> None:
    """More than half of each class is one number, so that quartiles say nothing of the spread."""
    scores = np.concatenate([np.zeros(90), [0.4] * 10, np.ones(900), [0.6] * 100])
    labels = np.repeat([0, 1], [100, 1000])
    assert 0.4 < smoothed_min_hter_threshold(scores, labels) <= 0.6


@pytest.mark.parametrize("method", ["min_hter", "smoothed"])
@given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(-100, 100))
@settings(max_examples=25)
def test_threshold_moves_with_the_scores(
    method: Method, seed: int, scale: float, shift: float
) -> None:
    scores, labels = draw(seed, 20, 60)
    expected = choose_threshold(scores, labels, method) * scale + shift
    found = choose_threshold(scores * scale + shift, labels, method)
    assert found == pytest.approx(expected, abs=1e-6 * scale + 1e-9)


@pytest.mark.parametrize("method", METHODS)
@given(
    arrays(np.float64, st.integers(2, 15), elements=st.floats(-1e6, 1e6, allow_subnormal=False)),
    st.data(),
)
@settings(max_examples=50, deadline=None)
def test_threshold_is_finite_and_no_worse_than_a_coin_if_it_minimizes(
    method: Method, scores: NDArray[np.float64], data: st.DataObject
) -> None:
    labels = data.draw(arrays(np.int64, len(scores), elements=st.integers(0, 1)))
    labels[:2] = 0, 1
    threshold = choose_threshold(scores, labels, method)
    assert np.isfinite(threshold)
    if method == "min_hter":
        assert hter(decide(scores, threshold), labels) <= 0.5


def test_bayes_threshold_is_where_the_calibrated_probability_is_the_prior() -> None:
    scores, labels = draw(0)
    slope, intercept = fit_platt(scores, labels)
    assert slope * bayes_threshold(scores, labels) + intercept == pytest.approx(logit(0.88))


def test_bayes_threshold_of_scores_that_point_the_wrong_way_is_min_hters() -> None:
    scores, labels = draw(0)
    assert bayes_threshold(-scores, labels) == min_hter_threshold(-scores, labels)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([0.1, 0.2], [1, 1], "none of 2 is 0"),
        ([0.1, 0.2], [0, 0], "none of 2 is 1"),
        ([], [], "none of 0 is 0"),
        ([0.1, np.nan], [0, 1], "1 of 2 are not finite"),
    ],
)
def test_bad_input_is_refused(
    method: Method, scores: list[float], labels: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        choose_threshold(scores, labels, method)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="expected min_hter, smoothed or bayes, got 'guess'"):
        choose_threshold([0.1, 0.2], [0, 1], "guess")  # type: ignore[arg-type]
