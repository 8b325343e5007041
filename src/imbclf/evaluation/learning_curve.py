"""The learning curve of runs that differ by `cv.fit_share`: what more images would bring."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imbclf.evaluation.finished_run import FinishedRun
from imbclf.evaluation.pairing import pair_images
from imbclf.evaluation.recipes import recipe_text
from imbclf.metrics.power_law import PowerLaw, fit_power_law, fit_power_laws
from imbclf.utils.arrays import minority_label, number_groups

TIMES = (1.5, 2.0, 3.0, 4.0)  # as many images as there are now, at most
DRAWS, LEVEL = 1000, 0.95
SHARE = "fit_share"  # of the section cv


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """HTERs by the share of the images that the folds were fitted to, and where they lead.

    Attributes:
        images: how many there are of label 0 and of label 1.
        label_names: how the user spells the two.
        shares: `[S]`, ascending, the last one 1.
        hters: `[S]`, on the images that all runs tested, means over runs of one share.
        intervals: `[S, 2]`, 95 % of each.
        law: of hters by shares.
        times: `[T]`, multiples of the images that there are.
        expected, expected_intervals: `[T]`, `[T, 2]`, HTERs with so many images.
        falls: whether the HTER with all images is below that with the smallest share, for 97.5 %
            of resampled sets of test images.
    """

    images: tuple[int, int]
    label_names: tuple[str, str]
    shares: NDArray[np.float64]
    hters: NDArray[np.float64]
    intervals: NDArray[np.float64]
    law: PowerLaw
    times: NDArray[np.float64]
    expected: NDArray[np.float64]
    expected_intervals: NDArray[np.float64]
    falls: bool


def find_learning_curve(runs: Sequence[FinishedRun], seed: int = 0) -> LearningCurve | None:
    """Return the learning curve of runs; None unless they differ by `cv.fit_share` (and seed) only.

    error = a + b share^-c is fitted to the HTERs of three shares or more, 1 among them. Intervals
    are percentiles over resampled test images, groups of images as a whole, the same for all
    shares: they account for chance in the images that are tested, but not for chance in the
    training.

    Args:
        runs: to be compared.
        seed: of the resampling.

    Raises:
        UserError: as `pair_images`.
    """
    shares = np.array([_share(run) for run in runs])
    known = np.unique(shares)
    recipes = {recipe_text(run, without=SHARE) for run in runs}
    if len(known) < 3 or known[-1] != 1 or len(recipes) > 1:
        return None
    images = pair_images(runs)
    wrong = np.abs(images.decisions - images.labels)
    by_share = np.stack([wrong[shares == share].mean(axis=0) for share in known])
    groups = np.arange(len(images.labels)) if images.groups is None else images.groups
    drawn = _resampled_hters(by_share, images.labels, number_groups(groups, images.labels), seed)
    hters = _hters(by_share, images.labels)
    times = np.array(TIMES)
    a, b, c = (values[:, None] for values in fit_power_laws(known, drawn))
    law = fit_power_law(known, hters)
    zero, one = runs[0].summary["class_counts"]
    names = runs[0].summary["label_names"]
    return LearningCurve(
        (int(zero), int(one)),
        (str(names[0]), str(names[1])),
        known,
        hters,
        _percentiles(drawn),
        law,
        times,
        law.at(times),
        _percentiles(a + b * times**-c),
        bool(np.quantile(drawn[:, 0] - drawn[:, -1], (1 - LEVEL) / 2) > 0),
    )


def curve_sentence(curve: LearningCurve) -> str:
    """Return what twice as many images would bring, in a sentence or two."""
    first, last = curve.hters[0], curve.hters[-1]
    seen = (
        f"Learning curve: HTER {first:.4f} with {curve.shares[0]:.0%} of the images to train on, "
        f"{last:.4f} with all"
    )
    if not curve.falls:
        return (
            f"{seen}. What more images would bring cannot be said: the difference is within what "
            "chance in the test images explains."
        )
    place = curve.times.tolist().index(2)
    (low, high), rare = curve.expected_intervals[place], minority_of(curve)
    count, name = curve.images[rare], curve.label_names[rare]
    return (
        f"{seen}. {count:,} more images of {name}, and as many more of the other label in "
        f"proportion (twice what there is), would bring it to about {curve.expected[place]:.4f} "
        f"({low:.4f} to {high:.4f}), if the curve goes on as it has."
    )


def minority_of(curve: LearningCurve) -> int:
    """Return the rarer label."""
    return minority_label(np.repeat([0, 1], curve.images))


def _share(run: FinishedRun) -> float:
    share = (run.config.get("cv") or {}).get(SHARE)
    return 1.0 if share is None else float(share)


def _hters(wrong: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the HTER of each row of errors `[S, N]`, `[S]`."""
    rates = [wrong[:, labels == label].mean(axis=1) for label in (0, 1)]
    return np.asarray(sum(rates) / 2, np.float64)


def _resampled_hters(
    wrong: NDArray[np.float64], labels: NDArray[np.int64], groups: NDArray[np.int64], seed: int
) -> NDArray[np.float64]:
    """Return HTERs of errors `[S, N]` on resampled groups of images, `[DRAWS, S]`.

    Groups of label 0, of label 1 and of both are resampled separately.
    """
    count = int(groups.max()) + 1
    sums = [np.bincount(groups, labels == label, count) for label in (0, 1)]
    sums += [
        np.bincount(groups, row * (labels == label), count) for row in wrong for label in (0, 1)
    ]
    # Groups with equal counts are interchangeable: draw how often each kind occurs.
    kinds, sizes = np.unique(np.stack(sums, axis=1), axis=0, return_counts=True)
    stratum = (kinds[:, 0] > 0) + 2 * (kinds[:, 1] > 0)
    rng, totals = np.random.default_rng(seed), np.zeros((DRAWS, kinds.shape[1]))
    for one in np.unique(stratum):
        size = sizes[stratum == one]
        drawn = rng.multinomial(size.sum(), size / size.sum(), DRAWS)
        totals += drawn @ kinds[stratum == one]
    zeros, ones, errors = totals[:, :1], totals[:, 1:2], totals[:, 2:]
    return np.asarray((errors[:, ::2] / zeros + errors[:, 1::2] / ones) / 2)


def _percentiles(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the interval of each column, `[columns, 2]`."""
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    return np.asarray(np.quantile(drawn, ends, axis=0).T, np.float64)
