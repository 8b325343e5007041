"""Images that depend on each other: intervals cover the truth, whatever the dependence."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import beta

from imbclf.metrics.clustered_intervals import clustered_hter_interval, effective_images
from imbclf.metrics.intervals import bootstrap_hter_interval, hter_interval

FAR, FRR = 0.08, 0.05
Sample = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def patients(rng: np.random.Generator, kind: str, correlation: float) -> Sample:
    """Decisions, labels and groups of up to 150 patients, each as prone to errors as fate made him.

    `correlation` is the correlation of the errors of two of a patient's images.
    """
    if kind == "one label each":
        sizes = rng.geometric(0.2, 150)
        label_of = (np.arange(150) >= 30).astype(np.int64)
        groups = np.repeat(np.arange(150), sizes)
        labels = label_of[groups]
    else:
        groups = np.repeat(np.arange(40), 8)
        labels = np.tile([0, 0, 0, 1, 1, 1, 1, 1], 40)
    fate = rng.random(150)[groups]
    spread = 1 / correlation - 1
    prone = np.where(labels == 0, fate, 1 - fate if kind == "opposed" else fate)
    rate = np.where(labels == 0, FAR, FRR)
    wrong = rng.random(len(groups)) < beta.ppf(prone, rate * spread, (1 - rate) * spread)
    return np.where(wrong, 1 - labels, labels), labels, groups


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["one label each", "both labels", "opposed"])
@pytest.mark.parametrize("correlation", [0.01, 0.3, 0.9])
def test_interval_covers_about_at_its_level(kind: str, correlation: float) -> None:
    rng = np.random.default_rng(0)
    samples = [patients(rng, kind, correlation) for _ in range(300)]
    intervals = [clustered_hter_interval(*sample) for sample in samples]
    covered = np.mean([low <= (FAR + FRR) / 2 <= high for low, high in intervals])
    assert 0.91 <= covered <= 1
    resampled = [bootstrap_hter_interval(*sample, resamples=200) for sample in samples]
    less = np.mean([low <= (FAR + FRR) / 2 <= high for low, high in resampled])
    assert less < covered + 0.01


def test_images_that_are_groups_of_their_own_are_independent() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], [150, 850])
    decisions = np.where(rng.random(1000) < 0.1, 1 - labels, labels)
    found = clustered_hter_interval(decisions, labels, np.arange(1000))
    rates = decisions[:150].mean(), (1 - decisions[150:]).mean()
    assert found == pytest.approx(hter_interval(*rates, 150, 850), abs=5e-4)
    names = [f"patient {number}" for number in range(1000)]
    assert clustered_hter_interval(decisions, labels, names) == found


def test_repeating_every_decision_changes_nothing() -> None:
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1], [60, 340])
    decisions = np.where(rng.random(400) < 0.1, 1 - labels, labels)
    once = clustered_hter_interval(decisions, labels, np.arange(400))
    d, y, g = (np.repeat(given, 5) for given in (decisions, labels, np.arange(400)))
    assert clustered_hter_interval(d, y, g) == pytest.approx(once, abs=2e-3)


def test_no_error_in_few_groups_gives_a_wide_interval() -> None:
    labels, groups = np.repeat([0, 1], [60, 600]), np.arange(660) // 20
    low, high = clustered_hter_interval(labels, labels, groups)
    assert low == 0
    assert (low, high) == pytest.approx(hter_interval(0, 0, 3, 30))
    one_wrong = np.where(np.arange(660) == 0, 1, labels)
    assert clustered_hter_interval(one_wrong, labels, groups)[1] == pytest.approx(high, abs=0.01)


def test_effective_images_are_between_groups_and_images() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        groups = rng.integers(0, 20, 200)
        wrong = rng.random(200) < rng.beta(0.3, 1, 20)[groups]
        sizes = np.bincount(groups)
        worth = effective_images(wrong, groups)
        assert 0.8 * 200**2 / (sizes**2).sum() < worth <= 200


def test_absent_classes_and_bad_input() -> None:
    assert all(map(math.isnan, clustered_hter_interval([0, 1], [1, 1], [0, 1])))
    with pytest.raises(ValueError, match="groups"):
        clustered_hter_interval([0, 1], [0, 1], [1])
    with pytest.raises(ValueError, match="neither 0 nor 1"):
        clustered_hter_interval([0, 2], [0, 1], [1, 2])
    with pytest.raises(ValueError, match="level"):
        clustered_hter_interval([0, 1], [0, 1], [1, 2], level=95)
