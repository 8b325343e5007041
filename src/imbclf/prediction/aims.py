"""Aims of an operating point: what the error rates, or the alarms, of new images shall be.

`max_far` and `max_frr` are about label 0 and label 1. The other aims are about the rarer label, the
positive one: sensitivity is the share of it that is found, specificity the share of the other label
that is let alone, precision the share of right ones among the images called positive, which are
alarms.
"""

from imbclf.utils.checks import check_range

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
