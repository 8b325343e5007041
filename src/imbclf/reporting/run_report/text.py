"""What the headline means and how it was obtained, in plain words and the user's own labels."""

from imbclf.reporting.run_report.run_data import Evidence


def rate(value: float | None) -> str:
    """Say a rate in per cent; one over an absent class is undefined.

    >>> rate(0.1234), rate(None)
    ('12.34 %', 'undefined')
    """
    return "undefined" if value is None else f"{100 * value:.2f} %"


def meaning(evidence: Evidence) -> str:
    """Return what HTER, FAR and FRR are in this run."""
    summary, (zero, one) = evidence.summary, evidence.names
    n0, n1 = summary["class_counts"]
    low, high = summary["hter_interval"]
    return (
        f"Of the {n0:,} images labeled {zero}, {rate(summary['far'])} were taken for {one} (false "
        f"acceptance rate, FAR); of the {n1:,} images labeled {one}, {rate(summary['frr'])} were "
        f"taken for {zero} (false rejection rate, FRR). The half total error rate (HTER) is the "
        "mean of the two, so that both labels count alike, however rare one of them is: 0 % is "
        "perfect, 50 % is what guessing gives, or always giving the same answer. The interval, "
        f"{rate(low)} to {rate(high)}, is for chance in which {_drawn(evidence)}: intervals made "
        f"like it cover the true rate {100 * summary['interval_level']:.0f} times in 100."
    )


def _drawn(evidence: Evidence) -> str:
    if evidence.summary.get("by_group", False):
        return "groups of images there are (bootstrap of whole groups)"
    return "images there are, as long as they are independent of each other"


def origin(evidence: Evidence) -> str:
    """Return how the headline was obtained, and what it is not."""
    summary, folds = evidence.summary, evidence.summary["folds"]
    trained, repeats = len(summary["per_fold"]), summary.get("repeats", 1)
    again = f", {repeats} times over, each time in another way" if repeats > 1 else ""
    told = (
        f"The images were divided into {folds} parts{again}. {_models(trained, folds * repeats)} "
        "chose its epoch and its threshold on further images that it was not trained on (dev), and "
        "then judged its own part (test) once. No image was judged by a model that had seen it, "
        "and no threshold was moved afterwards (an a-priori error rate); the decisions on all "
        f"{summary['images']:,} test images are counted together. Numbers marked as oracles are "
        "not of this kind: they choose the threshold on the very images that they are measured on."
    )
    return told + (
        " If this run was picked as the best of several, its number is too good: images that took "
        "part in no choice tell the truth."
    )


def _models(trained: int, parts: int) -> str:
    if trained == parts:
        return "For each part a model was trained on the others; it"
    return f"For {trained} of them a model was trained on the others; it"
