"""The positive label, and what depends on it: words, never error rates."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from imbclf.errors import UserError
from imbclf.evaluation.decision_errors import decision_errors
from imbclf.evaluation.detection_rates import detection_rates
from imbclf.evaluation.evaluation_details import confusion, evaluation_details
from imbclf.evaluation.positive_label import check_prevalence, positive_label
from imbclf.evaluation.restate_detection import restate_detection

NAMES = ("defective", "good")
RNG = np.random.default_rng(0)
LABELS = (RNG.random(300) < 0.8).astype(np.int64)
DECISIONS = np.where(RNG.random(300) < 0.85, LABELS, 1 - LABELS)


def named(run: Path, positive: str) -> Path:
    run.mkdir()
    (run / "config.yaml").write_text(f"data: {{dir: photos, positive: {positive}}}\n")
    return run


def test_the_label_asked_for_comes_first_then_the_named_one_then_the_rare_one(
    tmp_path: Path,
) -> None:
    of_data, none = named(tmp_path / "named", "[good]"), named(tmp_path / "plain", "null")
    assert positive_label(0, NAMES, none) == 0
    assert positive_label(0, NAMES, of_data) == 1  # the values of data.positive are label 1
    assert positive_label(0, NAMES, of_data, "defective") == 0
    assert positive_label(0, NAMES, tmp_path / "nowhere") == 0
    assert positive_label(0, ("0", "1"), wanted=1) == 1  # YAML reads a number
    with pytest.raises(UserError, match="positive=bad: expected defective or good"):
        positive_label(0, NAMES, wanted="bad")
    for share in (0, 1, 1.5, "much", True):
        with pytest.raises(UserError, match="expected a share"):
            check_prevalence(share)  # type: ignore[arg-type]


def test_a_run_is_told_in_other_words_and_nothing_else_changes(tmp_path: Path) -> None:
    counts = np.bincount(LABELS).tolist()
    report: dict[str, Any] = {"auroc": 0.9, "seconds": 1.0, **decision_errors(DECISIONS, LABELS)}
    report |= {"class_counts": counts, "label_names": list(NAMES)}
    stored = {**report, "detection": detection_rates(report, 0)}
    path = tmp_path / "summary.json"
    path.write_text(json.dumps(stored))
    restate_detection(tmp_path)
    assert json.loads(path.read_text()) == stored
    restate_detection(tmp_path, "good", 0.99)
    found = json.loads(path.read_text())
    assert found["detection"]["sensitivity"] == stored["detection"]["specificity"]
    assert (found["detection"]["positive"], found["detection"]["prevalence"]) == (1, 0.99)
    assert {**found, "detection": stored["detection"]} == stored
    with pytest.raises(UserError, match="prevalence=2"):
        restate_detection(tmp_path, None, 2)


def test_an_evaluation_shows_decisions_rates_and_what_training_had_said() -> None:
    counts = confusion(DECISIONS, LABELS)
    assert counts == confusion_matrix(LABELS, DECISIONS).tolist()
    report: dict[str, Any] = {"auroc": 0.91, "images": 300, **decision_errors(DECISIONS, LABELS)}
    report |= {"class_counts": np.bincount(LABELS).tolist(), "label_names": NAMES}
    report |= {"confusion": counts, "detection": detection_rates(report, 0)}
    before = {**report, "hter": 0.1234, "images": 5000}
    shown = evaluation_details({**report, "out_of_fold": before})
    assert f"defective  {counts[0][0]:>17}  {counts[0][1]:>12}" in shown
    assert re.search(rf"sensitivity \(recall\) +{1 - report['far']:.4f}", shown)
    (told,) = (line for line in shown.splitlines() if line.startswith("out of fold"))
    assert told.split()[6:8] == ["5,000", "0.1234"]
    assert "out of fold" not in evaluation_details(report)
