"""Hard images more often: weights against their definition, draws against their weights."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from torch import nn, tensor

from helpers.sampling import make_labels
from imbclf.errors import UserError
from imbclf.samplers import HardSampler
from imbclf.samplers.hard_examples import By, bounded_weights, systematic_sample

Floats = NDArray[np.float64]
LABELS = make_labels(13, 88)
SIGNS = 2.0 * LABELS - 1


def shown(margins: Floats, bound: float = 3.0, by: By = "loss", **shares: float) -> HardSampler:
    """Make a sampler that has seen each image once, right by these margins."""
    sampler = HardSampler(LABELS, 0, bound=bound, by=by, **shares)
    sampler.observe(np.arange(len(LABELS)), SIGNS * margins, LABELS.astype(float))
    return sampler


@given(
    scores=arrays(float, st.integers(1, 60), elements=st.floats(-1e4, 1e4)),
    bound=st.floats(1, 1e3),
)
@settings(deadline=None)
def test_weights_are_bounded_monotone_and_one_on_average(scores: Floats, bound: float) -> None:
    weights = bounded_weights(scores, bound)
    assert weights.mean() == pytest.approx(1, abs=1e-6)
    assert (1 - 1e-9) / bound <= weights.min() <= weights.max() <= bound * (1 + 1e-9)
    assert (np.diff(weights[np.argsort(scores)]) >= 0).all()
    inside = (weights > 1.0001 / bound) & (weights < bound / 1.0001)
    if inside.any():
        # Between the bounds they are proportional to exp(score).
        assert np.ptp(np.log(weights[inside]) - scores[inside]) < 1e-6 * (1 + np.abs(scores).max())


@pytest.mark.parametrize("by", ["loss", "margin"])
def test_weights_follow_the_loss_or_margin(by: By) -> None:
    margins = np.random.default_rng(0).normal(0.5, 0.5, len(LABELS))
    weights = shown(margins, bound=1e3, by=by).weights()
    losses = nn.functional.binary_cross_entropy_with_logits(
        tensor(SIGNS * margins), tensor(LABELS.astype(float)), reduction="none"
    ).numpy()
    expected = losses if by == "loss" else np.exp(-margins)
    np.testing.assert_allclose(weights, expected / expected.mean(), rtol=1e-6)


@pytest.mark.parametrize("by", ["loss", "margin"])
@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0, 1e4])
def test_bounds_hold_and_harder_is_never_rarer(by: By, spread: float) -> None:
    margins = spread * np.random.default_rng(0).normal(1, 1, len(LABELS))
    weights = shown(margins, by=by).weights()
    assert 1 / 3 - 1e-9 <= weights.min() <= weights.max() <= 3 + 1e-9
    assert weights.mean() == pytest.approx(1, abs=1e-9)
    assert (np.diff(weights[np.argsort(-margins, kind="stable")]) >= -1e-12).all()
    assert (np.ptp(weights) > 1) == (spread > 0)


def test_a_bound_of_one_and_a_first_epoch_are_a_plain_shuffle() -> None:
    for sampler in (HardSampler(LABELS, 0), shown(np.linspace(-5, 5, len(LABELS)), bound=1.0)):
        assert sorted(sampler) == list(range(len(LABELS)))


def test_counts_over_many_epochs_agree_with_the_weights() -> None:
    margins = np.random.default_rng(1).normal(1, 2, len(LABELS))
    sampler = shown(margins)
    weights, epochs = sampler.weights(), 4000
    times = np.zeros(len(LABELS))
    for epoch in range(epochs):
        sampler.set_epoch(epoch)
        drawn = np.bincount(sampler.draw(), minlength=len(LABELS))
        assert (np.floor(weights - 1e-9) <= drawn).all()
        assert (drawn <= np.ceil(weights + 1e-9)).all()
        times += drawn
    # Each draw is the weight rounded up or down: a variance of f (1 - f), f its fraction.
    fraction = weights % 1
    deviation = np.sqrt(np.maximum(fraction * (1 - fraction), 1e-4) / epochs)
    assert (np.abs(times / epochs - weights) / deviation).max() < 4.5


@given(weights=arrays(float, st.integers(1, 50), elements=st.floats(0.01, 9)), seed=st.integers(0))
@settings(deadline=None)
def test_systematic_draws_round_the_weights(weights: Floats, seed: int) -> None:
    weights = weights / weights.mean()
    times = np.bincount(systematic_sample(weights, np.random.default_rng(seed)), minlength=50)
    times = times[: len(weights)]
    assert times.sum() == len(weights)
    assert (np.abs(times - weights) < 1 + 1e-9).all()


def test_neighbors_are_drawn_together_as_often_as_others() -> None:
    weights = np.array([0.5, 0.5, 0.5, 0.5, 3.0])
    pairs = np.zeros((5, 5))
    for seed in range(3000):
        times = np.bincount(systematic_sample(weights, np.random.default_rng(seed)), minlength=5)
        pairs += np.outer(times, times)
    # Two of the four come in each draw: a pair of them in 1 of 6.
    apart = pairs[:4, :4][~np.eye(4, dtype=bool)] / 3000
    assert np.abs(apart - 1 / 6).max() < 4.5 * np.sqrt(1 / 6 * 5 / 6 / 3000)


def test_difficulty_is_the_running_mean_of_epoch_means() -> None:
    sampler = HardSampler(LABELS, 0, momentum=0.75, by="margin")
    sign = SIGNS[4]
    for margins in ([1.0, 3.0], [-2.0], [5.0, 6.0, 7.0]):
        positions = np.full(len(margins), 4)
        sampler.observe(positions, sign * np.array(margins), LABELS[positions].astype(float))
    expected = -(0.75 * (0.75 * 2.0 + 0.25 * -2.0) + 0.25 * 6.0)
    assert sampler.difficulty[4] == pytest.approx(expected)
    assert np.isnan(np.delete(sampler.difficulty, 4)).all()


def test_soft_labels_and_infinite_logits_are_passed_over() -> None:
    sampler = HardSampler(LABELS, 0)
    logits = np.array([1.0, np.nan, np.inf, 2.0])
    sampler.observe(np.arange(4), logits, np.array([0.3, 1.0, 0.0, 0.0]))
    assert np.isnan(sampler.difficulty[[0, 1, 2]]).all()
    assert sampler.difficulty[3] == pytest.approx(np.log1p(np.exp(2.0)))
    # Of what nothing is known, the weight is that of a plain shuffle.
    sampler.observe(np.arange(3, 5), np.array([2.0, -2.0]), np.zeros(2))
    unknown = np.delete(sampler.weights(), [3, 4])
    assert (unknown == 1).all()
    assert sampler.weights()[3] > 1 > sampler.weights()[4]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bound": 0.5}, "bound=0.5"),
        ({"bound": float("inf")}, "bound=inf"),
        ({"momentum": 1.0}, "momentum=1.0"),
        ({"momentum": -0.1}, "momentum=-0.1"),
        ({"by": "rank"}, "by=rank: expected one of loss, margin"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=rf"sampler\.{message}"):
        HardSampler(LABELS, 0, **options)  # type: ignore[arg-type]
