"""Error rates of decisions, and of scores over all thresholds.

Higher scores mean label 1, which is decided if score >= threshold. The rate of an absent class is
NaN, never 0.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import (
    average_precision_score,
    precision_recall_fscore_support,
    roc_auc_score,
)

from imbclf.utils.arrays import check_binary, check_same_shape, check_scores, minority_label

# Rates that differ by less are equal up to rounding: true differences between sums of rates are at
# least 1 / (n0 n1), 4e-12 for a million images.
TIE = 1e-12


def decide(scores: ArrayLike, threshold: float) -> NDArray[np.int64]:
    """Return 1 where score >= threshold, else 0, compared in float64: int64 `[N]`.

    Raises:
        ValueError: the threshold is NaN.

    >>> decide([0.1, 0.5, 0.9], 0.5)
    array([0, 1, 1])
    """
    if np.isnan(threshold):
        raise ValueError("threshold: expected a number, got nan")
    return (np.asarray(scores, np.float64) >= threshold).astype(np.int64)


def error_rates(decisions: ArrayLike, labels: ArrayLike) -> tuple[float, float]:
    """Return FAR = P(decide 1 | label 0) and FRR = P(decide 0 | label 1).

    Args:
        decisions: `[N]`, 0 or 1.
        labels: `[N]`, 0 or 1.

    Raises:
        ValueError: arrays differ in shape, or hold values other than 0 and 1.

    >>> error_rates([1, 0, 0, 1, 1], [0, 0, 0, 0, 1])
    (0.5, 0.0)
    """
    decided, truth = check_binary(decisions, "decisions"), check_binary(labels)
    check_same_shape("decisions", decided, truth)
    return _rate(decided[truth == 0] == 1), _rate(decided[truth == 1] == 0)


def hter(decisions: ArrayLike, labels: ArrayLike) -> float:
    """Return the half total error rate, (FAR + FRR) / 2, which is 1 - balanced accuracy.

    >>> hter([1, 0, 0, 1, 1], [0, 0, 0, 0, 1])
    0.25
    """
    return sum(error_rates(decisions, labels)) / 2


@dataclass(frozen=True, eq=False)
class ErrorCurve:
    """FAR and FRR at all thresholds with different decisions.

    Attributes:
        thresholds: float64 `[T]`, ascending, from -inf to inf.
        far: float64 `[T]`, descending from 1 to 0.
        frr: float64 `[T]`, ascending from 0 to 1.
    """

    thresholds: NDArray[np.float64]
    far: NDArray[np.float64]
    frr: NDArray[np.float64]

    @property
    def hter(self) -> NDArray[np.float64]:
        """(FAR + FRR) / 2 at each threshold, float64 `[T]`."""
        return (self.far + self.frr) / 2

    @property
    def eer(self) -> float:
        """(FAR + FRR) / 2 where |FAR - FRR| is least; NaN if a class is absent.

        If two thresholds tie, it is their mean, which does not change if labels are swapped.
        """
        gap = np.abs(self.far - self.frr)
        nearest = gap <= gap.min() + TIE
        return float(self.hter[nearest].mean()) if nearest.any() else float("nan")


def error_curve(scores: ArrayLike, labels: ArrayLike) -> ErrorCurve:
    """Return FAR and FRR at -inf, midway between adjacent distinct scores, and at inf.

    Midpoints, as in bob.measure, equal no score. If there is no float between two scores, the upper
    score is used, which gives the same decisions.

    Args:
        scores: `[N]`, finite.
        labels: `[N]`, 0 or 1.

    Raises:
        ValueError: as `check_scores`.

    >>> curve = error_curve([0.1, 0.4, 0.8], [0, 1, 1])
    >>> curve.thresholds.round(2).tolist(), curve.far.tolist(), curve.frr.tolist()
    ([-inf, 0.25, 0.6, inf], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.5, 1.0])
    """
    numbers, truth = check_scores(scores, labels)
    distinct = np.unique(numbers)
    below, above = distinct[:-1], distinct[1:]
    # Halved first: the sum of two large scores would overflow.
    middle = below / 2 + above / 2
    midpoints = np.where(middle > below, middle, above)
    thresholds = np.concatenate([[-np.inf], midpoints, [np.inf]])
    zeros, ones = np.sort(numbers[truth == 0]), np.sort(numbers[truth == 1])
    with np.errstate(invalid="ignore"):
        far = (len(zeros) - np.searchsorted(zeros, thresholds)) / np.float64(len(zeros))
        frr = np.searchsorted(ones, thresholds) / np.float64(len(ones))
    return ErrorCurve(thresholds, far, frr)


def equal_error_rate(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the equal error rate, (FAR + FRR) / 2 at the threshold of least |FAR - FRR|.

    Raises:
        ValueError: as `check_scores`.

    >>> equal_error_rate([0.1, 0.2, 0.6, 0.4, 0.7, 0.8], [0, 0, 0, 1, 1, 1])
    0.3333333333333333
    """
    return error_curve(scores, labels).eer


def binary_report(scores: ArrayLike, labels: ArrayLike, threshold: float) -> dict[str, float]:
    """Return metrics of scores, and of the decisions at one threshold.

    `hter`, `far`, `frr`, `precision_<label>`, `recall_<label>` and `f1_<label>` measure the
    decisions; `auroc`, `average_precision` (of label 1) and `average_precision_minority` the
    ranking. `eer` and `min_hter` are optimistic: their thresholds are chosen on these labels. If a
    class is absent, all metrics are NaN except `far` or `frr` and the recall of the other class.
    The precision of a label that is never decided is NaN.

    Args:
        scores: `[N]`, finite.
        labels: `[N]`, 0 or 1.
        threshold: label 1 is decided where score >= threshold.

    Raises:
        ValueError: as `check_scores`, or the threshold is NaN.

    >>> report = binary_report([0.1, 0.6, 0.4, 0.9], [0, 0, 1, 1], 0.5)
    >>> report["hter"], report["min_hter"], report["auroc"], report["recall_1"]
    (0.5, 0.25, 0.75, 0.5)
    """
    numbers, truth = check_scores(scores, labels)
    decisions = decide(numbers, threshold)
    far, frr = error_rates(decisions, truth)
    nan = float("nan")
    report = {"hter": (far + frr) / 2, "far": far, "frr": frr, "eer": nan, "min_hter": nan}
    report |= {"auroc": nan, "average_precision": nan, "average_precision_minority": nan}
    for label, recall in ((0, 1 - far), (1, 1 - frr)):
        report |= {f"precision_{label}": nan, f"recall_{label}": recall, f"f1_{label}": nan}
    if np.isnan(far + frr):
        return report
    curve = error_curve(numbers, truth)
    of_one = average_precision_score(truth, numbers)
    report |= {
        "eer": curve.eer,
        "min_hter": float(curve.hter.min()),
        "auroc": float(roc_auc_score(truth, numbers)),
        "average_precision": float(of_one),
        "average_precision_minority": float(
            of_one if minority_label(truth) else average_precision_score(1 - truth, -numbers)
        ),
    }
    per_label = precision_recall_fscore_support(truth, decisions, labels=[0, 1], zero_division=nan)
    for name, values in zip(("precision", "recall", "f1"), per_label, strict=False):
        report |= {f"{name}_{label}": float(values[label]) for label in (0, 1)}
    return report


def _rate(wrong: NDArray[np.bool_]) -> float:
    return float(wrong.mean()) if len(wrong) else float("nan")
