"""Deals, and what the samplers draw that fix the numbers of each class."""

from collections import Counter
from collections.abc import Callable
from math import ceil, floor, sqrt

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from helpers.sampling import Labels, at, either_minority, make_labels
from imbclf.errors import UserError
from imbclf.samplers import (
    BalancedSampler,
    IndexSampler,
    MajorityOnlySampler,
    ProgressiveSampler,
    ShuffleSampler,
    SquareRootSampler,
    UndersampleSampler,
    draw_evenly,
)


@given(have=st.integers(1, 40), count=st.integers(1, 130), epoch=st.integers(0, 30))
def test_draws_of_an_epoch_are_even(have: int, count: int, epoch: int) -> None:
    positions = 10 + 3 * np.arange(have)
    dealt = draw_evenly(positions, count, epoch, (1, 1)).tolist()
    assert len(dealt) == count
    for start in range(0, max(1, count - have), 7):
        window = dealt[start : start + have]
        assert len(set(window)) == len(window)
    times = Counter(dealt)
    assert set(times) <= set(positions.tolist())
    assert set(times.values()) <= {count // have, -(-count // have)}


@given(have=st.integers(1, 40), count=st.integers(1, 130), epochs=st.integers(1, 40))
@settings(deadline=None)
def test_all_positions_are_drawn_before_one_is_repeated(have: int, count: int, epochs: int) -> None:
    times = np.zeros(have, dtype=np.int64)
    for epoch in range(epochs):
        times += np.bincount(draw_evenly(np.arange(have), count, epoch, (1, 1)), minlength=have)
        # After any number of epochs: the even share, rounded down or up.
        assert floor((epoch + 1) * count / have) == times.min()
        assert ceil((epoch + 1) * count / have) == times.max()


@pytest.mark.parametrize(("have", "count"), [(12, 5), (12, 7), (5, 12)])
def test_draws_favor_no_position_and_no_neighbors(have: int, count: int) -> None:
    epoch = 3  # begins and ends within a deck
    together = np.zeros((have, have))
    seeds = 4000
    for seed in range(seeds):
        times = np.bincount(draw_evenly(np.arange(have), count, epoch, (seed, 1)), minlength=have)
        extra = times - count // have
        together += np.outer(extra, extra)
    drawn = count % have
    single, pair = drawn / have, drawn * (drawn - 1) / (have * (have - 1))
    apart = ~np.eye(have, dtype=bool)
    assert np.abs(together.diagonal() / seeds - single).max() < 4.5 * sqrt(0.25 / seeds)
    assert np.abs(together[apart] / seeds - pair).max() < 4.5 * sqrt(0.25 / seeds)


def test_shuffling_shows_every_image_once() -> None:
    assert sorted(ShuffleSampler(make_labels(), 0)) == list(range(101))


@either_minority
def test_majority_only_shows_every_image_of_the_majority_once(minority: int) -> None:
    labels = make_labels(13, 88, minority)
    sampler = MajorityOnlySampler(labels, 0)
    assert len(sampler) == 88
    assert sorted(at(sampler, 2)) == np.flatnonzero(labels != minority).tolist()
    alone = np.full(5, 1 - minority, dtype=np.int64)
    assert sorted(MajorityOnlySampler(alone, 0)) == list(range(5))


@either_minority
@pytest.mark.parametrize(("rare", "common"), [(13, 88), (13, 87), (1, 30), (1, 1), (20, 20)])
def test_balanced_epochs_are_half_minority(minority: int, rare: int, common: int) -> None:
    labels = make_labels(rare, common, minority)
    sampler = BalancedSampler(labels, 0)
    for epoch in range(4):
        times = np.bincount(at(sampler, epoch), minlength=len(labels))
        assert times.sum() == len(labels)
        of_rare, of_common = times[labels == minority], times[labels != minority]
        assert of_rare.sum() == (rare + common) // 2
        assert np.ptp(of_rare) <= 1
        assert of_common.max() == 1


@either_minority
@pytest.mark.parametrize(
    ("rare", "common", "expected"),
    # sqrt: 1 to 3 of 40; 2 to 3 of 13; 1 to 10 of 101 (9.18); equal; 1 to 1.41 of 3 (1.24)
    [(4, 36, 10), (4, 9, 5), (1, 100, 9), (8, 8, 8), (1, 2, 1), (1, 1, 1)],
)
def test_square_root_counts_are_those_by_hand(
    minority: int, rare: int, common: int, expected: int
) -> None:
    labels = make_labels(rare, common, minority)
    sampler = SquareRootSampler(labels, 0)
    seen = np.zeros(len(labels), dtype=np.int64)
    for epoch in range(5):
        times = np.bincount(at(sampler, epoch), minlength=len(labels))
        of_rare, of_common = times[labels == minority], times[labels != minority]
        assert (of_rare.sum(), of_common.sum()) == (expected, rare + common - expected)
        assert np.ptp(of_rare) <= 1
        assert of_common.max() == 1
        seen += times
        assert np.ptp(seen[labels == minority]) <= 1
        assert np.ptp(seen[labels != minority]) <= 1


@either_minority
@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.3, 0.22, 2.0, 1e-3])
def test_undersampling_keeps_the_minority_and_the_ratio(minority: int, ratio: float) -> None:
    labels = make_labels(13, 88, minority)
    sampler = UndersampleSampler(labels, 0, ratio=ratio)
    expected = min(88, round(13 / ratio))
    seen = np.zeros(len(labels), dtype=np.int64)
    for epoch in range(25):
        times = np.bincount(at(sampler, epoch), minlength=len(labels))
        assert (times[labels == minority] == 1).all()
        assert times[labels != minority].sum() == expected
        assert times.max() == 1
        seen += times
        # No image of the majority again before all the others.
        assert np.ptp(seen[labels != minority]) <= 1


@pytest.mark.parametrize(("make", "epochs"), [(BalancedSampler, 2), (UndersampleSampler, 7)])
def test_all_of_the_majority_is_seen_before_any_is_repeated(
    make: Callable[[Labels, int], IndexSampler], epochs: int
) -> None:
    labels = make_labels(13, 88)
    sampler = make(labels, 0)
    majority = [{p for p in at(sampler, epoch) if labels[p] == 1} for epoch in range(3 * epochs)]
    assert len(set.union(*majority[:epochs])) == 88
    assert len(set.union(*majority[: epochs - 1])) == sum(map(len, majority[: epochs - 1]))
    assert len(set(map(frozenset, majority))) == 3 * epochs


@either_minority
@pytest.mark.parametrize("progress", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize(("start", "end"), [(0.1, 0.5), (0.5, 0.1), (0.01, 1.0), (1.0, 3.0)])
def test_progressive_ratio_is_linear_in_progress(
    minority: int, progress: float, start: float, end: float
) -> None:
    labels = make_labels(121, 879, minority)
    sampler = ProgressiveSampler(labels, 0, start=start, end=end)
    times = np.bincount(at(sampler, 3, progress), minlength=1000)
    of_rare, of_common = times[labels == minority], times[labels != minority]
    assert times.sum() == 1000
    wanted = start + progress * (end - start)
    assert abs(of_rare.sum() - wanted * of_common.sum()) <= 1 + wanted
    assert np.ptp(of_rare) <= 1
    assert np.ptp(of_common) <= 1
    assert of_common.max() == 1 or of_common.sum() > 879


def test_progressive_shares_of_the_founding_data() -> None:
    sampler = ProgressiveSampler(make_labels(12_102, 87_898), 0)
    assert sampler.counts() == (9_091, 90_909)
    sampler.set_progress(1.0)
    assert sampler.counts() == (33_333, 66_667)


@pytest.mark.parametrize(
    "make", [BalancedSampler, UndersampleSampler, ProgressiveSampler, SquareRootSampler]
)
@pytest.mark.parametrize("label", [0, 1])
def test_an_absent_label_is_refused(
    make: Callable[[Labels, int], IndexSampler], label: int
) -> None:
    with pytest.raises(UserError, match=f"0 of label {1 - label}"):
        make(np.full(5, label, dtype=np.int64), 0)


@pytest.mark.parametrize("ratio", [0.0, -1.0, float("nan"), float("inf")])
def test_ratios_out_of_range_are_refused(ratio: float) -> None:
    labels = make_labels()
    with pytest.raises(UserError, match=r"sampler\.ratio="):
        UndersampleSampler(labels, 0, ratio=ratio)
    with pytest.raises(UserError, match=r"sampler\.start="):
        ProgressiveSampler(labels, 0, start=ratio)
    with pytest.raises(UserError, match=r"sampler\.end="):
        ProgressiveSampler(labels, 0, end=ratio)
