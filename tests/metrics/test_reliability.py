import numpy as np
import pytest
from hypothesis import given, strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from imbclf.metrics.reliability import brier_score, calibration_error, reliability_diagram

PROMISES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=1, max_size=60)


@given(PROMISES)
def test_brier_score_is_that_of_scikit_learn(pairs: list[tuple[float, int]]) -> None:
    probabilities, labels = (np.array(column) for column in zip(*pairs, strict=True))
    # Both labels occur, as it wants where it is told none; a pair each that adds nothing.
    more = brier_score_loss([*labels, 0, 1], [*probabilities, 0, 1], pos_label=1)
    expected = more * (len(labels) + 2) / len(labels)
    assert brier_score(probabilities, labels) == pytest.approx(expected)


@given(PROMISES, st.integers(1, 20))
def test_calibration_error_by_counting(pairs: list[tuple[float, int]], bins: int) -> None:
    error = 0.0
    for number in range(bins):
        own = [pair for pair in pairs if min(int(pair[0] * bins), bins - 1) == number]
        if own:
            predicted = sum(pair[0] for pair in own) / len(own)
            observed = sum(pair[1] for pair in own) / len(own)
            error += abs(predicted - observed) * len(own) / len(pairs)
    probabilities, labels = (list(column) for column in zip(*pairs, strict=True))
    assert calibration_error(probabilities, labels, bins) == pytest.approx(error)


def test_diagram_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    probabilities = random.random(500) ** 3
    labels = (random.random(500) < probabilities).astype(np.int64)
    diagram = reliability_diagram(probabilities, labels, 10)
    observed, predicted = calibration_curve(labels, probabilities, n_bins=10)
    np.testing.assert_allclose(diagram.observed, observed)
    np.testing.assert_allclose(diagram.predicted, predicted)
    assert diagram.counts.sum() == 500


def test_calibrated_probabilities_have_little_error() -> None:
    random = np.random.default_rng(0)
    probabilities = random.random(100_000)
    labels = (random.random(100_000) < probabilities).astype(np.int64)
    assert calibration_error(probabilities, labels) < 0.01
    assert calibration_error(probabilities**2, labels) > 0.1


@pytest.mark.parametrize(
    ("probabilities", "labels"),
    [([0.5, np.nan], [0, 1]), ([0.5, 1.1], [0, 1]), ([-0.1], [0]), ([], []), ([0.5], [2])],
)
def test_invalid_probabilities_are_refused(probabilities: list[float], labels: list[int]) -> None:
    for measure in (brier_score, calibration_error):
        with pytest.raises(ValueError, match=r"scores|probabilities|labels"):
            measure(probabilities, labels)
