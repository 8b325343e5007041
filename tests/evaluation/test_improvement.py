"""The alarm that training was still improving: rare on flat curves, reliable on rising ones."""

import numpy as np
import pytest

from imbclf.evaluation.improvement import auroc_gain, with_improvement

VERDICT = {"better": True, "sentence": "Better", "advice": ""}


def alarms(epochs: int, folds: int, noise: float, slope: float, runs: int = 400) -> float:
    random = np.random.default_rng([epochs, folds, int(1000 * noise), int(1000 * slope)])
    rise = 0.7 + slope * np.arange(epochs)
    curves = rise + noise * random.standard_normal((runs, folds, epochs))
    return float(np.mean([auroc_gain(run.tolist()) is not None for run in curves]))


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.003, 0.01, 0.05])
@pytest.mark.parametrize("epochs", [4, 5, 8, 16, 40])
@pytest.mark.parametrize("folds", [1, 5])
def test_flat_noisy_curves_raise_no_alarm_in_95_percent(
    epochs: int, folds: int, noise: float
) -> None:
    assert alarms(epochs, folds, noise, slope=0.0) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 400)


def test_rising_curves_raise_it() -> None:
    for epochs, least in ((4, 0.6), (8, 0.6), (24, 0.98)):
        assert alarms(epochs, 3, noise=0.01, slope=0.01) > least
    assert alarms(30, 3, noise=0.05, slope=0.0) < alarms(30, 3, noise=0.05, slope=0.01)


def test_a_curve_that_has_levelled_off_or_rises_by_nothing_worth_more_epochs_raises_none() -> None:
    time = np.arange(24)
    assert auroc_gain([(0.95 - 0.4 * np.exp(-time / 2)).tolist()]) is None
    assert auroc_gain([(0.95 + 0.0001 * time).tolist()]) is None
    assert auroc_gain([(0.95 - 0.4 * np.exp(-time / 20)).tolist()]) is not None


def test_few_epochs_and_folds_of_different_length() -> None:
    assert auroc_gain([]) is None
    assert auroc_gain([[0.5, 0.6, 0.7]]) is None
    rising = [0.5, 0.6, 0.7, 0.8]
    # The last epochs of each fold, of which one was stopped early.
    assert auroc_gain([rising, [0.9, 0.1, *rising]]) == pytest.approx(0.2)


def test_the_advice_joins_that_of_the_verdict() -> None:
    rising, flat = [[0.5, 0.6, 0.7, 0.8]], [[0.7, 0.71, 0.69, 0.7]]
    assert with_improvement(VERDICT, flat, 4) == {**VERDICT, "still_improving": False}
    found = with_improvement(VERDICT, rising, 4)
    assert found["still_improving"]
    assert "by 0.200" in found["advice"]
    assert "more than 4 epochs (trainer.max_epochs)" in found["advice"]
    other = with_improvement({**VERDICT, "advice": "do this"}, rising, 4)
    assert other["advice"] == found["advice"] + "; do this"
