"""What of a run's results is logged to tracking."""

import numpy as np
import pytest

from imbclf.evaluation.decision_errors import decision_errors
from imbclf.evaluation.detection_rates import detection_rates
from imbclf.training.results import headline


@pytest.mark.parametrize("decided", [0, 1])
def test_the_rates_of_detection_are_logged_with_their_intervals(decided: int) -> None:
    labels = np.array([0] * 20 + [1] * 80)
    decisions = np.where(np.arange(100) % 7 == 0, 1 - labels, labels)
    if decided == 1:  # label 0 is never decided: its PPV and F1 are not known
        decisions = np.ones(100, np.int64)
    report = {**decision_errors(decisions, labels), "class_counts": [20, 80]}
    logged = headline({**report, "detection": detection_rates(report, 0)})
    assert logged["test/hter"] == report["hter"]
    assert logged["test/sensitivity"] == 1 - logged["test/far"]
    assert logged["test/sensitivity_low"] <= logged["test/recall"] <= logged["test/recall_high"]
    assert ("test/ppv" in logged, "test/precision_low" in logged) == (decided == 0,) * 2
    assert all(isinstance(value, float) for value in logged.values())
    assert "test/prevalence" in logged
    assert set(headline(report)) == {
        "test/hter",
        "test/far",
        "test/frr",
        "test/hter_low",
        "test/hter_high",
    }
