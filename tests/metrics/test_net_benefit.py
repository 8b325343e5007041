"""Net benefit, against counting and against its closed form for probabilities that are right."""

import numpy as np
import pytest

from imbclf.metrics.net_benefit import net_benefit, net_benefit_of_all

RANDOM = np.random.default_rng(0)


def test_net_benefit_by_counting_decisions_with_ties() -> None:
    probabilities = RANDOM.integers(0, 11, 300) / 10
    labels = RANDOM.integers(0, 2, 300)
    thresholds = np.array([0.0, 0.1, 0.35, 0.5, 0.9, 0.95])
    expected = []
    for threshold in thresholds:
        pairs = list(zip(probabilities, labels, strict=True))
        hits = sum(1 for chance, label in pairs if chance >= threshold and label == 1)
        alarms = sum(1 for chance, label in pairs if chance >= threshold and label == 0)
        expected.append(hits / 300 - alarms / 300 * threshold / (1 - threshold))
    assert net_benefit(probabilities, labels, thresholds) == pytest.approx(expected)


def test_acting_on_every_image_is_acting_from_probability_0_on() -> None:
    labels = RANDOM.integers(0, 2, 50)
    for threshold in (0.0, 0.2, 0.7):
        always = net_benefit(np.ones(50), labels, [threshold])
        assert always == pytest.approx(net_benefit_of_all(labels.mean(), [threshold]))
    assert net_benefit(np.zeros(50), labels, [0.5]) == pytest.approx([0.0])


def test_right_probabilities_are_never_worse_than_either_default() -> None:
    """With P uniform and right, net benefit(t) = (1 - t) / 2, from integrating p and 1 - p."""
    probabilities = RANDOM.random(200_000)
    labels = (RANDOM.random(200_000) < probabilities).astype(int)
    thresholds = np.linspace(0.05, 0.9, 18)
    benefit = net_benefit(probabilities, labels, thresholds)
    assert benefit == pytest.approx((1 - thresholds) / 2, abs=0.01)
    assert (benefit >= net_benefit_of_all(labels.mean(), thresholds)).all()
    assert (benefit >= 0).all()


@pytest.mark.parametrize("threshold", [-0.1, 1.0, float("nan")])
def test_thresholds_that_are_no_probabilities_are_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="from 0 to below 1"):
        net_benefit([0.5], [1], [threshold])


def test_probabilities_and_labels_are_checked() -> None:
    with pytest.raises(ValueError, match="not within 0 and 1"):
        net_benefit([1.5], [1], [0.5])
    with pytest.raises(ValueError, match="neither 0 nor 1"):
        net_benefit([0.5], [2], [0.5])
