import json
import math
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    det_curve,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)

from imbclf.metrics.error_rates import (
    binary_report,
    decide,
    equal_error_rate,
    error_curve,
    error_rates,
    hter,
)
from imbclf.utils.arrays import check_scores

Sample = tuple[NDArray[np.float64], NDArray[np.int64]]


def draw(seed: int, n: int = 200, minority: float = 0.12, decimals: int = 15) -> Sample:
    """Scores of two overlapping classes; few decimals make many ties."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) > minority).astype(np.int64)
    labels[:2] = 0, 1
    scores = rng.normal(size=n) + 1.5 * labels
    return scores.round(decimals), labels


SAMPLES = [
    sample
    for seed in range(5)
    for sample in (
        draw(seed),
        draw(seed, decimals=1),
        draw(seed, n=12, decimals=0),
        draw(seed, minority=0.9),
    )
]


def brute_force_rates(decisions: list[int], labels: list[int]) -> tuple[float, float]:
    accepted = [d for d, y in zip(decisions, labels, strict=True) if y == 0]
    rejected = [1 - d for d, y in zip(decisions, labels, strict=True) if y == 1]
    return sum(accepted) / len(accepted), sum(rejected) / len(rejected)


@pytest.mark.parametrize("seed", range(5))
def test_error_rates_equal_a_count_by_hand_and_balanced_accuracy(seed: int) -> None:
    scores, labels = draw(seed)
    decisions = decide(scores, 0.7)
    far, frr = error_rates(decisions, labels)
    assert (far, frr) == brute_force_rates(decisions.tolist(), labels.tolist())
    assert hter(decisions, labels) == (far + frr) / 2
    assert hter(decisions, labels) == pytest.approx(1 - balanced_accuracy_score(labels, decisions))


def test_rates_of_an_absent_class_are_nan_and_of_the_other_are_not() -> None:
    far, frr = error_rates([0, 1], [1, 1])
    assert math.isnan(far)
    assert frr == 0.5
    assert math.isnan(hter([0, 1], [1, 1]))
    assert math.isnan(hter([], []))


@pytest.mark.parametrize(("scores", "labels"), SAMPLES)
def test_curve_equals_brute_force_over_all_thresholds(
    scores: NDArray[np.float64], labels: NDArray[np.int64]
) -> None:
    curve = error_curve(scores, labels)
    distinct = sorted(set(scores.tolist()))
    expected = [(a + b) / 2 for a, b in pairwise(distinct)]
    assert curve.thresholds == pytest.approx([-math.inf, *expected, math.inf])
    rates = [
        brute_force_rates([int(s >= t) for s in scores], labels.tolist()) for t in curve.thresholds
    ]
    assert list(zip(curve.far.tolist(), curve.frr.tolist(), strict=True)) == rates
    assert curve.hter == pytest.approx([sum(pair) / 2 for pair in rates])


@pytest.mark.parametrize(("scores", "labels"), SAMPLES)
def test_curve_equals_scikit_learns(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> None:
    curve = error_curve(scores, labels)
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    assert curve.far == pytest.approx(fpr[::-1])
    assert curve.frr == pytest.approx(1 - tpr[::-1])
    fpr, fnr, _ = det_curve(labels, scores)
    ours = set(zip(curve.far.round(9).tolist(), curve.frr.round(9).tolist(), strict=True))
    assert set(zip(fpr.round(9).tolist(), fnr.round(9).tolist(), strict=True)) <= ours


@given(
    arrays(
        np.float64, st.integers(1, 20), elements=st.floats(allow_nan=False, allow_infinity=False)
    )
)
def test_every_threshold_lies_above_one_score_and_not_above_the_next(
    scores: NDArray[np.float64],
) -> None:
    thresholds = error_curve(scores, np.zeros(len(scores))).thresholds[1:-1]
    distinct = np.unique(scores)
    assert np.isfinite(thresholds).all()
    assert (distinct[:-1] < thresholds).all()
    assert (thresholds <= distinct[1:]).all()


def test_the_midpoint_of_huge_scores_is_finite() -> None:
    assert error_curve([1.2e308, 1.6e308], [0, 1]).thresholds[1] == pytest.approx(1.4e308)


def test_adjacent_floats_are_distinguished() -> None:
    """Their midpoint rounds down to the even one, which would decide 1 for both."""
    for low in (1.0, np.nextafter(1.0, 2)):
        high = np.nextafter(low, 2)
        curve = error_curve([low, high], [0, 1])
        assert curve.hter.min() == 0
        assert hter(decide([low, high], curve.thresholds[1]), [0, 1]) == 0


@pytest.mark.parametrize(("scores", "labels"), SAMPLES)
def test_equal_error_rate_agrees_with_the_roc_curve(
    scores: NDArray[np.float64], labels: NDArray[np.int64]
) -> None:
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    gap = abs(fpr - (1 - tpr))
    nearest = gap <= gap.min() + 1e-9
    rates = (fpr + 1 - tpr)[nearest] / 2
    assert len(rates) <= 2
    assert equal_error_rate(scores, labels) == pytest.approx(rates.mean())


@given(st.integers(0, 10_000), st.integers(0, 2))
def test_equal_error_rate_does_not_depend_on_which_class_is_called_one(
    seed: int, decimals: int
) -> None:
    scores, labels = draw(seed, n=30, decimals=decimals)
    assert equal_error_rate(scores, labels) == pytest.approx(equal_error_rate(-scores, 1 - labels))


@pytest.mark.parametrize(("scores", "labels"), SAMPLES)
@pytest.mark.parametrize("threshold", [0.7, -math.inf, math.inf])
def test_report_equals_scikit_learn(
    scores: NDArray[np.float64], labels: NDArray[np.int64], threshold: float
) -> None:
    decisions = (scores >= threshold).astype(int)
    far, frr = brute_force_rates(decisions.tolist(), labels.tolist())
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    minority = int(labels.sum() <= len(labels) / 2)
    expected = {
        "hter": (far + frr) / 2,
        "far": far,
        "frr": frr,
        "eer": equal_error_rate(scores, labels),
        "min_hter": ((fpr + 1 - tpr) / 2).min(),
        "auroc": roc_auc_score(labels, scores),
        "average_precision": average_precision_score(labels, scores),
        "average_precision_minority": average_precision_score(
            labels == minority, scores if minority else -scores
        ),
    }
    for label in (0, 1):
        kwargs = {"pos_label": label, "zero_division": np.nan}
        expected[f"precision_{label}"] = precision_score(labels, decisions, **kwargs)
        expected[f"recall_{label}"] = recall_score(labels, decisions, **kwargs)
        expected[f"f1_{label}"] = f1_score(labels, decisions, **kwargs)
    report = binary_report(scores, labels, threshold)
    assert list(report) == list(expected)
    assert report == pytest.approx(expected, nan_ok=True)
    assert {type(value) for value in report.values()} == {float}


def test_average_precision_of_the_minority_is_of_the_smaller_class() -> None:
    scores, labels = draw(0, minority=0.1)
    report = binary_report(scores, labels, 0.0)
    assert report["average_precision_minority"] < 0.8 < 0.95 < report["average_precision"]
    mirrored = binary_report(-scores, 1 - labels, 0.0)
    assert mirrored["average_precision_minority"] == report["average_precision_minority"]
    assert mirrored["average_precision"] == report["average_precision_minority"]


@pytest.mark.parametrize(
    ("labels", "defined"),
    [([1, 1], {"frr": 0.5, "recall_1": 0.5}), ([0, 0], {"far": 0.5, "recall_0": 0.5}), ([], {})],
)
def test_report_without_a_class_is_nan_but_for_the_rates_of_the_other(
    labels: list[int], defined: dict[str, float]
) -> None:
    report = binary_report([0.2, 0.8][: len(labels)], labels, 0.5)
    assert {name: value for name, value in report.items() if not math.isnan(value)} == defined
    assert list(report) == list(binary_report([0.2, 0.8], [0, 1], 0.5))


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([0.1, math.nan, math.inf], [0, 1, 1], "scores: 2 of 3 are not finite"),
        ([0.1, 0.2], [0, 2], "labels: 1 are neither 0 nor 1"),
        ([0.1, 0.2], [0, math.nan], "labels: 1 are neither 0 nor 1"),
        ([0.1, 0.2], [-1, 1], "labels: 1 are neither 0 nor 1"),
        ([0.1, 0.2], [0], r"scores: shape \(2,\), but labels \(1,\)"),
        ([[0.1], [0.2]], [0, 1], r"scores: shape \(2, 1\)"),
        ([[0.1], [0.2]], [[0], [1]], r"labels: expected one dimension, got shape \(2, 1\)"),
    ],
)
def test_bad_input_is_refused(scores: list[float], labels: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_scores(scores, labels)
    with pytest.raises(ValueError, match=message):
        error_curve(scores, labels)
    with pytest.raises(ValueError, match=message):
        binary_report(scores, labels, 0.5)


def test_bad_decisions_and_thresholds_are_refused() -> None:
    with pytest.raises(ValueError, match="decisions: 1 are neither 0 nor 1"):
        error_rates([0, 0.5], [0, 1])
    with pytest.raises(ValueError, match=r"decisions: shape \(1,\), but labels \(2,\)"):
        error_rates([0], [0, 1])
    with pytest.raises(ValueError, match="threshold: expected a number, got nan"):
        binary_report([0.1, 0.2], [0, 1], math.nan)


def test_single_precision_scores_are_compared_in_double() -> None:
    low = np.float32(0.1)
    for _ in range(2):
        high = np.nextafter(low, np.float32(1))
        between = (float(low) + float(high)) / 2
        assert decide(np.array([low, high]), between).tolist() == [0, 1]
        low = high


def test_metrics_statistics_and_thresholds_import_no_torch() -> None:
    code = (
        "import imbclf.metrics.error_rates, imbclf.metrics.intervals\n"
        "import imbclf.metrics.thresholds, imbclf.data.splits\n"
        "import json, sys\n"
        "heavy = {'torch', 'torchmetrics', 'lightning', 'hydra', 'mlflow'}\n"
        "print(json.dumps(sorted(heavy & set(sys.modules))))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == []
