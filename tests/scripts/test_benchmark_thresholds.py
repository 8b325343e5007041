"""The benchmark of threshold estimators."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import benchmark_thresholds as script
from imbclf.evaluation.run_directory import write_oof


def test_distributions_are_those_of_their_draws() -> None:
    for pair in script.SHAPES.values():
        for distribution in pair:
            drawn = distribution.rvs(2000, random_state=np.random.default_rng(0))
            assert stats.kstest(drawn, distribution.cdf).pvalue > 1e-3


def test_no_threshold_is_better_than_the_least() -> None:
    for _, labels, excess in script.simulated(30, draws=1):
        assert np.bincount(labels).tolist() == [30, 220]
        costs = [excess(threshold) for threshold in np.linspace(-5, 5, 101)]
        assert -1e-6 < min(costs) < 2e-3
        assert excess(-50.0) > 0.2


def test_of_a_run_other_images_judge_than_choose(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [400, 1600])
    scores = rng.normal(labels * 2.0 - 1)
    files = np.array([f"{number}.png" for number in range(2000)])
    write_oof(tmp_path, files, labels, np.zeros(2000, np.int64), scores)
    ((chosen, truth, excess),) = script.resampled(tmp_path, 50, draws=1)
    assert np.bincount(truth).tolist() == [50, 200]
    rest = ~np.isin(scores, chosen)
    assert rest.sum() == 1750

    def hter(threshold: float) -> float:
        wrong = (scores >= threshold) != labels
        return float(np.mean([wrong[rest & (labels == label)].mean() for label in (0, 1)]))

    assert excess(0.3) - excess(0.0) == pytest.approx(hter(0.3) - hter(0.0))
    assert not list(script.resampled(tmp_path, 200, draws=1))  # too few would be left to judge


def test_the_table_has_a_row_for_each_estimator() -> None:
    found = script.mean_excess(script.simulated(30, draws=4))
    assert found["smoothed"] < found["min_hter"]
    text = script.table([("simulated", 30, found), ("run", 9, dict.fromkeys(found, np.nan))])
    rows = text.splitlines()
    assert rows[0] == "| `cv.threshold` | simulated, 30 | run, 9 |"
    assert len(rows) == 2 + len(found)
    assert all(row.endswith("|  |") for row in rows[2:])
