"""The contract of samplers."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from imbclf.samplers import IndexSampler
from imbclf.testing.expectation import expect

EPOCHS, PROGRESS = (0, 1, 5), (0.0, 0.5, 1.0)
BATCH = 16


def check_sampler(
    sampler: Callable[..., IndexSampler], labels: NDArray[np.int64] | None = None
) -> None:
    """Check that a sampler draws images that exist, and the same ones when training is resumed.

    Args:
        sampler: makes it, called with labels and a seed.
        labels: int64 `[N]`, 0 and 1; None takes 100, of which 12 are 0.

    Raises:
        AssertionError: it does not; the message says what the contract is.

    >>> from imbclf.samplers import ShuffleSampler
    >>> check_sampler(ShuffleSampler)
    >>> class Forgetful(ShuffleSampler):
    ...     def draw(self) -> NDArray[np.int64]:
    ...         return np.random.default_rng().permutation(len(self))
    >>> check_sampler(Forgetful)
    Traceback (most recent call last):
    AssertionError: a draw has to follow from labels, seed, epoch and progress alone, so that a \
resumed training draws the same images; draw with np.random.default_rng([self.seed, self.epoch])
    """
    if labels is None:
        labels = np.repeat(np.array([0, 1]), [12, 88])
    made = sampler(labels, 3)
    expect(
        isinstance(made, IndexSampler),
        f"the sampler has to be an imbclf.samplers.IndexSampler; it is a {type(made).__name__}",
    )
    length = len(made)
    expect(length > 0, "the sampler has to draw images")
    for epoch, progress in zip(EPOCHS, PROGRESS, strict=True):
        _set(made, epoch, progress)
        drawn = made.draw()
        _check_draw(drawn, labels, length)
        expect(len(made) == length, "all epochs have to have as many draws")
        other = sampler(labels, 3)
        _set(other, epoch, progress)
        expect(
            np.array_equal(drawn, other.draw()),
            "a draw has to follow from labels, seed, epoch and progress alone, so that a resumed "
            "training draws the same images; draw with np.random.default_rng([self.seed, "
            "self.epoch])",
        )
        _check_batches(made, labels)


def _set(sampler: IndexSampler, epoch: int, progress: float) -> None:
    sampler.set_epoch(epoch)
    sampler.set_progress(progress)


def _check_draw(drawn: NDArray[np.int64], labels: NDArray[np.int64], length: int) -> None:
    expect(
        isinstance(drawn, np.ndarray)
        and drawn.ndim == 1
        and np.issubdtype(drawn.dtype, np.integer)
        and len(drawn) == length,
        f"draw() has to return an array of {length} integers, len(sampler); it returned "
        f"{getattr(drawn, 'dtype', type(drawn).__name__)} {list(np.shape(drawn))}",
    )
    expect(
        bool((drawn >= 0).all() and (drawn < len(labels)).all()),
        f"draw() has to return positions into the {len(labels)} labels, from 0",
    )


def _check_batches(sampler: IndexSampler, labels: NDArray[np.int64]) -> None:
    for devices in (1, 2):
        batches = sampler.batches(BATCH, devices)
        expect(
            len(batches) == sampler.batch_count(BATCH, devices),
            "batches() has to return as many batches as batch_count() promises",
        )
        sizes = [len(batch) for batch in batches]
        expect(
            max(sizes) <= BATCH * devices and min(sizes) >= devices,
            f"a batch has to have an image for each device and {BATCH} for each at most; sizes "
            f"{min(sizes)} to {max(sizes)} on {devices}",
        )
        expect(
            all(((batch >= 0) & (batch < len(labels))).all() for batch in batches),
            "batches() has to return positions into the labels",
        )
