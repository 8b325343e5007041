"""The benchmark of intervals."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

import benchmark_intervals as script
from simulated_runs import DISTANCE, FEATURES, separation, true_rates


def test_rates_and_auroc_of_a_line_are_those_of_many_images() -> None:
    rng = np.random.default_rng(0)
    line = np.append(rng.normal(size=FEATURES) + 0.5, 0.3)
    images = rng.normal(size=(2, 200_000, FEATURES))
    images[1, :, 0] += DISTANCE
    zero, one = (part @ line[:-1] + line[-1] for part in images)
    far, frr = true_rates(line, 0.9)
    assert np.mean(zero >= 0.9) == pytest.approx(far, abs=0.004)
    assert np.mean(one < 0.9) == pytest.approx(frr, abs=0.004)
    scores, labels = np.concatenate([zero, one]), np.repeat([0, 1], 200_000)
    auroc = norm.cdf(separation(line) / np.sqrt(2))
    assert roc_auc_score(labels, scores) == pytest.approx(auroc, abs=0.003)


def test_a_row_is_written_for_each_interval() -> None:
    rows = {row[1]: [float(cell) for cell in row[2:]] for row in script.measure(40, 200, draws=6)}
    assert rows.keys() == {"HTER", "FAR", "FRR", "HTER, cross-fitted", "AUROC"}
    for reported, true, holds, width in rows.values():
        assert abs(reported - true) < 0.1
        assert holds >= 0.5
        assert 0 < width < 0.5
