"""What the headline means and how it was obtained, in plain words and the user's own labels."""

from collections.abc import Mapping

from imbclf.reporting.run_report.run_data import RunData


def rate(value: float | None) -> str:
    """Return a rate in percent; one over an absent class is undefined.

    >>> rate(0.1234), rate(None)
    ('12.34 %', 'undefined')
    """
    return "undefined" if value is None else f"{100 * value:.2f} %"


def meaning(data: RunData) -> str:
    """Return what HTER, FAR, FRR and the interval are in this run."""
    summary, (zero, one) = data.summary, data.names
    n0, n1 = summary["class_counts"]
    low, high = summary["hter_interval"]
    return (
        f"Of the {n0:,} images labeled {zero}, {rate(summary['far'])} were classified as {one} "
        f"(false acceptance rate, FAR); of the {n1:,} images labeled {one}, {rate(summary['frr'])} "
        f"were classified as {zero} (false rejection rate, FRR). The half total error rate (HTER) "
        "is the mean of the two, so that both labels count alike, however rare one of them is: 0 % "
        "is perfect, 50 % is what guessing gives, or always giving the same answer. The interval, "
        f"{rate(low)} to {rate(high)}, accounts for chance in the choice of images: about "
        f"{100 * summary['interval_level']:.0f} of 100 such intervals contain the true HTER. "
        f"{_dependence(summary.get('by_group', False))}"
    )


def _dependence(by_group: bool) -> str:
    if by_group:
        return (
            "Images of one group may depend on each other: the interval is a closed form for "
            "clustered images (Wilson intervals for the effective number of images, combined as by "
            "Zou and Donner 2008). For comparison, summary.json has the interval of a bootstrap of "
            "whole groups beside it (hter_interval_bootstrap)."
        )
    return "It assumes that the images are independent of each other."


def origin(data: RunData) -> str:
    """Return how the headline was obtained, and what it is not."""
    summary, folds = data.summary, data.summary["folds"]
    trained, repeats = len(summary["per_fold"]), summary.get("repeats", 1)
    again = f", {repeats} times over, each time in another way" if repeats > 1 else ""
    models = "For each fold" if trained == folds * repeats else f"For {trained} of them"
    return (
        f"{_protocol(summary.get('parts', {}), folds, again, models)} No image was classified by a "
        "model that was trained on it, and no threshold was changed afterwards (an a-priori error "
        f"rate); the decisions on all {summary['images']:,} test images are counted together. "
        "Numbers marked as oracles are different: their threshold is chosen on the very images "
        "that they are measured on. If this run was picked as the best of several, its HTER is too "
        "optimistic: measure it again on images that took part in no choice."
    )


def _protocol(parts: Mapping[str, list[int]], folds: int, again: str, models: str) -> str:
    """Return how the images were divided and what each part was for.

    Args:
        parts: class counts of the parts that the user made, none if there are none.
        folds: K.
        again: how often the images were divided, if more than once.
        models: which folds were trained.
    """
    is_numbered = any(part.isdecimal() for part in parts)
    has_dev = "dev" in parts
    if has_dev and not is_numbered and 0 in parts.get("fit", [0]):
        return (
            "The images to train on (fit) have one label, and are the same in every fold. Those "
            f"set aside to choose on (dev) were divided into {folds} folds{again}. {models} the "
            "epoch and the threshold of a model were chosen on the other folds, and then it "
            "classified the images of its own fold (test) once."
        )
    what = "The images without those set aside as dev" if has_dev else "The images"
    division = (
        f"The {folds} folds are those that the images are numbered by."
        if is_numbered
        else f"{what} were divided into {folds} folds{again}."
    )
    chosen_on = (
        "the images set aside for this" if has_dev else "the rest of them"
    ) + " (dev, for development or validation)"
    return (
        f"{division} {models} a model was trained on "
        f"{'the' if has_dev else 'some of the'} images of the other folds (fit), its epoch and its "
        f"threshold were chosen on {chosen_on}, and then it classified the images of its own fold "
        "(test) once."
    )


def given_test(data: RunData) -> str:
    """Return what the result on the test part that the user made is."""
    test, (zero, one) = data.summary["test"], data.names
    n0, n1 = test["class_counts"]
    low, high = test["hter_interval"]
    shared = test.get("shared_with_training", {}).get("copies", 0)
    copies = (
        f" {shared:,} of these images are copies of images that were trained on, so that this "
        "error is too optimistic."
        if shared
        else ""
    )
    return (
        f"{n0 + n1:,} images ({n0:,} labeled {zero}, {n1:,} labeled {one}) were set aside as the "
        "test part of the data. They took no part in training, in the choice of an epoch or of a "
        f"threshold, and were classified once, by all {test['models']} fold models together, as "
        f"new images are: HTER {rate(test['hter'])} ({rate(low)} to {rate(high)}). The out-of-fold "
        "result below is of single models on the other images; the two differ by chance, by what "
        "an ensemble gains, and where the test part is of another kind than the rest."
        f"{copies}"
    )
