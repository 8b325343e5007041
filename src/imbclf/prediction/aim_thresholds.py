"""Thresholds that meet an aim: on the images at hand, or on new ones with a confidence."""

from math import ceil, floor, inf, nextafter
from operator import itemgetter
from typing import TYPE_CHECKING

from imbclf.errors import UserError
from imbclf.prediction.aims import FALSE_ALARMS, MISSES, aimed_rate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from imbclf.metrics.bounded_thresholds import ScoredImages

ROUNDING = 1e-9  # of rates that meet an aim exactly


def plain_threshold(
    aim: str,
    value: float,
    scores: "NDArray[np.float64]",
    labels: "NDArray[np.int64]",
    positive: int,
    share: float,
) -> float:
    """Return the threshold that meets an aim on the images at hand at the least price.

    Raises:
        UserError: there is none.
    """
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


def bounded_threshold(
    aim: str,
    value: float,
    scores: "NDArray[np.float64]",
    labels: "NDArray[np.int64]",
    groups: "ArrayLike | None",
    confidence: float,
    positive: int,
    share: float,
) -> float:
    """Return the threshold that meets an aim on new images with a confidence.

    Raises:
        UserError: there is none.
    """
    images = _oriented(scores, labels, groups, positive, share)
    found = _oriented_threshold(aim, value, images, confidence, positive)
    # Label 0 is called where -score >= found, so label 1 where score > -found.
    return found if positive == 1 else nextafter(-found, inf)


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


def _oriented_threshold(
    aim: str, value: float, images: "ScoredImages", confidence: float, positive: int
) -> float:
    """Return the threshold of scores that are high for the positive label."""
    from imbclf.metrics import bounded_thresholds as bounds

    most = value if aim.startswith("max") else round(1 - value, 12)
    best = ""
    if aim in (*FALSE_ALARMS, *MISSES):
        found = _rate_threshold(aim, most, images, confidence)
    elif aim == "min_precision":
        found, highest = bounds.most_sensitive_precise(images, value, confidence)
        best = f"these images are enough for {aim}={floor(1000 * highest) / 1000:g}"
    else:
        found = bounds.lowest_threshold(images, images.alarm_bound, value / 1000, confidence)
        no_alarm = images.alarm_bound(float(images.scores.max()) + 1, confidence)
        best = f"these images are enough for {aim}={ceil(1000 * no_alarm)}, without any alarm"
    if found is not None:
        return found
    if not best and most == 0:
        best = "no number of images can vouch for none at all"
    elif not best:
        best = _too_few(aim, most, images, confidence, positive)
    raise UserError(
        f"{aim}={value:g}: with confidence {confidence:g} {best}; ask for less, or confidence=null "
        "for the threshold that meets it on these images alone"
    )


def _rate_threshold(
    aim: str, most: float, images: "ScoredImages", confidence: float
) -> float | None:
    """Return the threshold of the least other errors whose rate is bounded, or None."""
    from imbclf.metrics import bounded_thresholds as bounds

    if aim in FALSE_ALARMS:
        return bounds.lowest_threshold(images, images.false_alarm_bound, most, confidence)
    return bounds.highest_threshold(images, images.miss_bound, most, confidence)


def _too_few(
    aim: str, most: float, images: "ScoredImages", confidence: float, positive: int
) -> str:
    """Return why no threshold bounds a rate, and which rate these images can vouch for."""
    import numpy as np

    from imbclf.metrics.bounded_thresholds import images_needed

    of_misses = aim in MISSES
    label = positive if of_misses else 1 - positive
    count = int((images.positive if of_misses else ~images.positive).sum())
    thousandths = _least_bounded(aim, images, confidence)
    enough = thousandths if aim.startswith("max") else 1000 - thousandths
    enough_for = f"enough for {aim}={enough / 1000:g}{_price(aim, thousandths, images, confidence)}"
    if images.groups is not None:
        groups = len(np.unique(images.groups[images.positive == of_misses]))
        return f"there are {count:,} images of label {label}, in {groups:,} groups: {enough_for}"
    needed = images_needed(most, confidence)
    return (
        f"this takes at least {needed:,} images of label {label}, there are {count:,}: {enough_for}"
    )


def _price(aim: str, thousandths: int, images: "ScoredImages", confidence: float) -> str:
    """Return what the least rate that can be bounded costs, as the end of a sentence."""
    threshold = _rate_threshold(aim, thousandths / 1000, images, confidence)
    if threshold is None:
        return ""
    wrong = images.false_alarms(threshold) if aim in MISSES else images.misses(threshold)
    return f", with {wrong.mean():.1%} of the other label decided wrongly"


def _least_bounded(aim: str, images: "ScoredImages", confidence: float) -> int:
    """Return the least rate, in thousandths, that some threshold is bounded by; at most 1000."""
    low, high = 0, 1000
    while high - low > 1:
        middle = (low + high) // 2
        if _rate_threshold(aim, middle / 1000, images, confidence) is None:
            low = middle
        else:
            high = middle
    return high
