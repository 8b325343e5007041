"""Operating points: a threshold, what it was chosen for, and what new images can be expected to do.

`max_far` and `max_frr` are about label 0 and label 1. The other aims are about the rarer label, the
positive one: sensitivity is the share of it that is found, specificity the share of the other label
that is let alone, precision the share of right ones among the images called positive, which are
alarms.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import inf, nextafter
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from imbclf.errors import UserError
from imbclf.utils.checks import check_range

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from imbclf.metrics.bounded_thresholds import ScoredImages

FALSE_ALARMS, MISSES = ("max_far", "min_specificity"), ("max_frr", "min_sensitivity")
BOUNDED = (*FALSE_ALARMS, *MISSES, "min_precision", "max_alarms_per_1000")
WORDS = {
    "max_far": "FAR",
    "max_frr": "FRR",
    "min_specificity": "specificity",
    "min_sensitivity": "sensitivity",
    "min_precision": "precision",
    "max_alarms_per_1000": "alarms per 1,000 images",
}


ROUNDING = 1e-9  # of rates that meet an aim exactly


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold that was chosen for an aim; JSON-able by `to_json`.

    Attributes:
        aim: the name of the option.
        value: its value.
        threshold: label 1 is decided where the score is at least this.
        confidence: that the aim is met on new images; None: it is met on the images at hand.
        positive: the label that the aim calls positive.
        share: of label 1 that precision and alarms are for.
        far, frr: at this threshold, on out-of-fold scores.
        rate: what the aim is about, on out-of-fold scores.
        plain_far, plain_frr: at the threshold that meets the aim on out-of-fold scores, no more.
    """

    aim: str
    value: float
    threshold: float
    confidence: float | None
    positive: int
    share: float
    far: float
    frr: float
    rate: float
    plain_far: float
    plain_frr: float

    def to_json(self) -> dict[str, Any]:
        """Return its values by name."""
        return asdict(self)

    def __str__(self) -> str:
        """Return the threshold, the rate out of fold, the bound and what the bound costs."""
        most = "at most" if self.aim.startswith("max") else "at least"
        told = (
            f"{self.threshold:.4f}: out of fold FAR {self.far:.4f}, FRR {self.frr:.4f} "
            f"({self.aim}={self.value:g})"
        )
        if self.confidence is None:
            return told if self.aim == "cost_ratio" else f"{told}; new images may not keep to it"
        name, paid, plain = (
            ("FRR", self.frr, self.plain_frr)
            if self.frr - self.plain_frr >= self.far - self.plain_far
            else ("FAR", self.far, self.plain_far)
        )
        return (
            f"{told}; {WORDS[self.aim]} {self.rate:.4g} out of fold, on new images {most} "
            f"{self.value:g} with confidence {self.confidence:g}. This costs: {name} {paid:.4f} "
            f"instead of {plain:.4f}"
        )


def aimed_rate(aim: str, far: float, frr: float, positive: int, share: float) -> float:
    """Return what an aim is about, of error rates and a share of label 1; NaN without alarms.

    >>> aimed_rate("min_sensitivity", 0.1, 0.2, positive=0, share=0.9)
    0.9
    >>> round(aimed_rate("min_precision", 0.1, 0.2, positive=1, share=0.2), 3)
    0.667
    >>> round(aimed_rate("max_alarms_per_1000", 0.1, 0.2, positive=1, share=0.2))
    240
    """
    if aim in ("max_far", "max_frr"):
        return far if aim == "max_far" else frr
    misses, false_alarms = (frr, far) if positive == 1 else (far, frr)
    prevalence = share if positive == 1 else 1 - share
    right, wrong = prevalence * (1 - misses), (1 - prevalence) * false_alarms
    if aim == "max_alarms_per_1000":
        return 1000 * (right + wrong)
    if aim == "min_precision":
        return right / (right + wrong) if right + wrong > 0 else float("nan")
    return 1 - misses if aim == "min_sensitivity" else 1 - false_alarms


def check_aim(aim: str, value: float) -> None:
    """Raise a UserError if the value of an aim is out of range."""
    if aim == "max_alarms_per_1000":
        check_range(aim, value, at_least=0, at_most=1000, what="images")
    elif aim in BOUNDED:
        check_range(aim, value, at_least=0, at_most=1, what="a share")
    else:
        check_range(aim, value, above=0)


def choose_operating_point(
    aim: str,
    value: float,
    oof: "Mapping[str, ArrayLike]",
    confidence: float | None,
    prior: float | None = None,
) -> OperatingPoint:
    """Choose a threshold for an aim on scores of images that no model behind them was trained on.

    With a confidence the rate of new images keeps to the aim with that probability, over the draw
    of the images at hand (`imbclf.metrics.lowest_threshold`). The scores are those of single fold
    models; an ensemble of several errs less at the same threshold, except where a class is wrong
    more often than right. Shares of 40 runs of 5 folds (120 of 1,000 images positive) whose
    ensemble did not keep to its aim on 30,000 new images, with confidence .95 / without one:

    ======== ============ =========== ================= =======================
    learner  max_far=.05  max_frr=.1  min_precision=.5  max_alarms_per_1000=100
    ======== ============ =========== ================= =======================
    logistic .025 / .200  .000 / .450 .000 / .175       .000 / .325
    random   .000 / .000  .000 / .150 .000 / .000       .000 / .075
    network  .000 / .050  .000 / .275 .000 / .000       .000 / .150
    trees    .000 / .050  .000 / .400 .000 / .050       .000 / .300
    ======== ============ =========== ================= =======================

    Args:
        aim: the name of an option.
        value: its value.
        oof: `score` and `label` `[N]`, and `group` where images depend on each other.
        confidence: between 0 and 1, or None.
        prior: share of label 1 for precision and alarms; None is that of `oof`.

    Raises:
        UserError: a value is out of range, or no threshold meets the aim with so few images.

    >>> oof = {"score": [0.0, 1.0, 2.0, 3.0, 4.0], "label": [0, 0, 0, 1, 1]}
    >>> choose_operating_point("max_far", 0.0, oof, None).threshold
    2.5
    >>> choose_operating_point("max_far", 0.1, oof, 0.9)
    Traceback (most recent call last):
    imbclf.errors.UserError: max_far=0.1: with confidence 0.9 this takes at least 22 images of \
label 0, there are 3; ask for less, or confidence=null for the threshold that meets it on these \
images alone
    """
    from imbclf.metrics.error_rates import decide, error_rates
    from imbclf.utils.arrays import check_both_classes, minority_label

    check_aim(aim, value)
    if confidence is not None:
        check_range("confidence", confidence, above=0, below=1, what="a share")
    scores, labels = check_both_classes(oof["score"], oof["label"])
    share = float(labels.mean()) if prior is None else prior
    check_range("prior", share, above=0, below=1, what="a share")
    positive = 1 if aim in ("max_far", "max_frr", "cost_ratio") else minority_label(labels)
    plain = _plain_threshold(aim, value, scores, labels, positive, share)
    threshold = plain
    if aim == "cost_ratio":
        confidence = None
    if confidence is not None:
        images = _oriented(scores, labels, oof.get("group"), positive, share)
        found = _bounded_threshold(aim, value, images, confidence, positive)
        # Label 0 is called where -score >= found, so label 1 where score > -found.
        threshold = found if positive == 1 else nextafter(-found, inf)
    far, frr = error_rates(decide(scores, threshold), labels)
    return OperatingPoint(
        aim,
        float(value),
        threshold,
        confidence,
        positive,
        share,
        far,
        frr,
        value if aim == "cost_ratio" else aimed_rate(aim, far, frr, positive, share),
        *error_rates(decide(scores, plain), labels),
    )


def _plain_threshold(
    aim: str,
    value: float,
    scores: "NDArray[np.float64]",
    labels: "NDArray[np.int64]",
    positive: int,
    share: float,
) -> float:
    """Return the threshold that meets an aim on the images at hand at the least price."""
    from imbclf.metrics import operating_points
    from imbclf.metrics.error_rates import error_curve

    if aim == "cost_ratio":
        return operating_points.threshold_for_cost(scores, labels, value)
    most = value if aim.startswith("max") else round(1 - value, 12)
    if aim in (*FALSE_ALARMS, *MISSES):
        of_far = (aim in FALSE_ALARMS) == (positive == 1)
        choose = (
            operating_points.threshold_for_far if of_far else operating_points.threshold_for_frr
        )
        return choose(scores, labels, most)
    curve = error_curve(scores, labels)
    points = list(zip(curve.far.tolist(), curve.frr.tolist(), strict=True))
    rates = [aimed_rate(aim, far, frr, positive, share) for far, frr in points]
    sign = 1 if aim == "max_alarms_per_1000" else -1
    met = [row for row, rate in enumerate(rates) if sign * rate <= sign * value + ROUNDING]
    if not met:
        best = max(rate for rate in rates if rate == rate)
        raise UserError(f"{aim}={value:g}: the best on these images is {best:.4g}; ask for less")
    # The fewest misses, and of these the fewest false alarms.
    order = itemgetter(positive, 1 - positive)
    return float(curve.thresholds[min(met, key=lambda row: order(points[row]))])


def _oriented(
    scores: "NDArray[np.float64]",
    labels: "NDArray[np.int64]",
    groups: "ArrayLike | None",
    positive: int,
    share: float,
) -> "ScoredImages":
    """Return the images with scores that are high for the positive label."""
    from imbclf.metrics.bounded_thresholds import ScoredImages
    from imbclf.utils.arrays import number_groups

    group = None if groups is None else number_groups(groups, labels)
    if positive == 1:
        return ScoredImages(scores, labels == 1, group, share)
    return ScoredImages(-scores, labels == 0, group, 1 - share)


def _bounded_threshold(
    aim: str, value: float, images: "ScoredImages", confidence: float, positive: int
) -> float:
    """Return the threshold that meets an aim on new images, of scores high for the positive label.

    Raises:
        UserError: there is none.
    """
    from imbclf.metrics import bounded_thresholds as bounds

    most = value if aim.startswith("max") else round(1 - value, 12)
    best = ""
    if aim in FALSE_ALARMS:
        found = bounds.lowest_threshold(images, images.false_alarm_bound, most, confidence)
    elif aim in MISSES:
        found = bounds.highest_threshold(images, images.miss_bound, most, confidence)
    elif aim == "min_precision":
        found, highest = bounds.most_sensitive_precise(images, value, confidence)
        best = f"these images can vouch for {highest:.3g} at most"
    else:
        found = bounds.lowest_threshold(images, images.alarm_bound, value / 1000, confidence)
        best = "these images cannot vouch for so few, even without an alarm among them"
    if found is not None:
        return found
    if not best and most == 0:
        best = "no number of images can vouch for none at all"
    elif not best:
        label = 1 - positive if aim in FALSE_ALARMS else positive
        count = int(images.positive.sum() if aim in MISSES else (~images.positive).sum())
        grouped = "" if images.groups is None else " in groups, which count for less"
        best = (
            f"this takes at least {bounds.images_needed(most, confidence):,} images of label "
            f"{label}, there are {count:,}{grouped}"
        )
    raise UserError(
        f"{aim}={value:g}: with confidence {confidence:g} {best}; ask for less, or confidence=null "
        "for the threshold that meets it on these images alone"
    )
