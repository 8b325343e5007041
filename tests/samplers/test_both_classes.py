"""Batches that never lack a class, against their definition."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from helpers.sampling import either_minority, make_labels
from imbclf.errors import UserError
from imbclf.samplers import BothClassesSampler
from imbclf.training.batch_sampler import IndexBatches


def fewest_batches(rare: int, common: int, size: int, minimum: int) -> int:
    """Try numbers of batches until all images and the minimum of each class fit in."""
    return next(
        count
        for count in itertools.count(1)
        if max(rare, count * minimum) + max(common, count * minimum) <= count * size
    )


@given(
    rare=st.integers(1, 40),
    more=st.integers(0, 200),
    minority=st.integers(0, 1),
    minimum=st.integers(1, 8),
    room=st.integers(0, 30),
    world_size=st.integers(1, 5),
    epoch=st.integers(0, 9),
)
@settings(deadline=None, max_examples=300)
def test_each_device_has_both_classes_in_each_batch(
    rare: int, more: int, minority: int, minimum: int, room: int, world_size: int, epoch: int
) -> None:
    common, batch_size = rare + more, 2 * minimum + room
    assume(more or minority == 0)
    labels = make_labels(rare, common, minority)
    sampler = BothClassesSampler(labels, 0, batch_size=batch_size, minimum=minimum)
    sampler.set_epoch(epoch)
    shares = [IndexBatches(sampler, batch_size, rank, world_size) for rank in range(world_size)]
    drawn = [list(share) for share in shares]
    one = list(IndexBatches(sampler, batch_size * world_size))

    needed = world_size * minimum
    count = fewest_batches(rare, common, world_size * batch_size, needed)
    assert {len(share) for share in shares} == {len(batches) for batches in drawn} == {count}
    for batch in itertools.chain(*drawn):
        assert len(batch) <= batch_size
        assert minimum <= (labels[batch] == 0).sum() <= len(batch) - minimum
    for whole, *parts in zip(one, *drawn, strict=True):
        assert sorted(position for part in parts for position in part) == sorted(whole)
        for label in (0, 1):
            times = np.bincount(whole, minlength=len(labels))[labels == label]
            assert np.ptp(times) <= 1
    times = np.bincount(np.concatenate(one), minlength=len(labels))
    assert times[labels == minority].sum() == max(rare, count * needed)
    assert times[labels != minority].sum() == max(common, count * needed)
    for label in (0, 1):
        assert np.ptp(times[labels == label]) <= 1
        assert np.ptp([(labels[batch] == label).sum() for batch in one]) <= 1
    if min(rare, common) >= needed * -(-len(labels) // (world_size * batch_size)):
        assert (times == 1).all()
    assert world_size > 1 or len(sampler) == times.sum()


@either_minority
def test_repeats_even_out_over_epochs(minority: int) -> None:
    labels = make_labels(7, 200, minority)
    sampler = BothClassesSampler(labels, 0, batch_size=16, minimum=4)
    assert len(sampler) == 17 * 4 + 200  # 200 at 12 a batch are 17 batches
    seen = np.zeros(len(labels), dtype=np.int64)
    for epoch in range(10):
        sampler.set_epoch(epoch)
        seen += np.bincount(sampler.draw(), minlength=len(labels))
        assert np.ptp(seen[labels == minority]) <= 1
        assert (seen[labels != minority] == epoch + 1).all()


def test_images_have_different_batch_mates_in_each_epoch() -> None:
    labels = make_labels(40, 200)
    sampler = BothClassesSampler(labels, 0, batch_size=24, minimum=4)
    epochs = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        epochs.append({frozenset(batch) for batch in IndexBatches(sampler, 24)})
    assert not epochs[0] & epochs[1] | epochs[1] & epochs[2]
    # Within a batch the classes are mixed, not one after the other.
    firsts = [labels[batch[0]] for batch in IndexBatches(sampler, 24)]
    halves = [labels[batch[: len(batch) // 2]].mean() for batch in IndexBatches(sampler, 24)]
    assert len(set(firsts)) == 2
    assert 0.7 < np.mean(halves) < 0.95


def test_a_minimum_that_does_not_fit_is_refused() -> None:
    labels = make_labels()
    with pytest.raises(UserError, match=r"sampler\.minimum=4.*data\.batch_size=7.* 3 or less"):
        BothClassesSampler(labels, 0, batch_size=7, minimum=4)
    with pytest.raises(UserError, match=r"sampler\.minimum=0: expected 1"):
        BothClassesSampler(labels, 0, batch_size=7, minimum=0)
    with pytest.raises(UserError, match=r"sampler\.batch_size=16.*data\.batch_size=8"):
        IndexBatches(BothClassesSampler(labels, 0, batch_size=16), 8)
    with pytest.raises(UserError, match="0 of label 1"):
        BothClassesSampler(np.zeros(5, dtype=np.int64), 0, batch_size=16)
