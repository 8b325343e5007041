"""What the headline means and how it was obtained, in plain words and the user's own labels."""

from collections.abc import Mapping
from typing import Any

from imbclf.evaluation.looks import caution
from imbclf.evaluation.shipped import shipped_text
from imbclf.evaluation.training_chance import training_chance_text
from imbclf.metrics.label_issues import LabelIssues, expected_label_issues
from imbclf.reporting.run_report.run_data import RunData

LITTLE = 0.6  # an AUROC below which models know too little to doubt labels


def rate(value: float | None) -> str:
    """Return a rate in percent; one over an absent class is undefined.

    >>> rate(0.1234), rate(None)
    ('12.34 %', 'undefined')
    """
    return "undefined" if value is None else f"{100 * value:.2f} %"


def percent(value: float | None) -> str:
    """Return a share with one decimal; one of nothing is undefined.

    >>> percent(0.1234), percent(None)
    ('12.3 %', 'undefined')
    """
    return "undefined" if value is None or value != value else f"{100 * value:.1f} %"


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
        f"{100 * summary['interval_level']:.0f} of 100 such intervals contain the true HTER, which "
        "is that of the models that were tested here, on average. "
        f"{_dependence(summary.get('by_group', False))}{_training_chance(summary)}"
    )


def _training_chance(summary: Mapping[str, Any]) -> str:
    found = summary.get("training_chance")
    return "" if found is None else f" {training_chance_text(found)}."


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
    protocol = _protocol(summary.get("parts", {}), folds, again, models, data.is_trained)
    return (
        f"{protocol} No image was classified by a model that was trained on its file, and no "
        "threshold was changed before its decisions were counted (an a-priori error "
        f"rate); those on all {summary['images']:,} test images are counted together. A copy of an "
        "image under another name is recognized only where groups say so: imbclf-explore lists "
        "copies and look-alikes. "
        "Numbers marked as oracles are different: their threshold is chosen on the very images "
        "that they are measured on. If this run was picked as the best of several, its HTER is too "
        "optimistic: measure it again on images that took part in no choice."
    )


def _protocol(
    parts: Mapping[str, list[int]], folds: int, again: str, models: str, is_trained: bool
) -> str:
    """Return how the images were divided and what each part was for.

    Args:
        parts: class counts of the parts that the user made, none if there are none.
        folds: K.
        again: how often the images were divided, if more than once.
        models: which folds were trained.
        is_trained: whether epochs were trained.
    """
    epoch = "epoch and its " if is_trained else ""
    is_numbered = any(part.isdecimal() for part in parts)
    has_dev = "dev" in parts
    if has_dev and not is_numbered and 0 in parts.get("fit", [0]):
        return (
            "The images to train on (fit) have one label, and are the same in every fold. Those "
            f"set aside to choose on (dev) were divided into {folds} folds{again}. {models} a "
            f"model was trained, its {epoch}threshold chosen on the other folds, and then it "
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
        f"{'the' if has_dev else 'some of the'} images of the other folds (fit), its {epoch}"
        f"threshold chosen on {chosen_on}, and then it classified the images of its own fold "
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
    looks = test.get("looks", 1)
    if looks > 1:
        copies += f" This is look {looks} at these images: {caution(looks)}."
    return (
        f"{n0 + n1:,} images ({n0:,} labeled {zero}, {n1:,} labeled {one}) were set aside as the "
        "test part of the data. They took no part in training, in the choice of an epoch or of a "
        f"threshold, and were classified once, by all {test['models']} fold models together, as "
        f"new images are: HTER {rate(test['hter'])} ({rate(low)} to {rate(high)}). The out-of-fold "
        "result below is of single models on the other images; the two differ by chance, by what "
        "an ensemble gains, and where the test part is of another kind than the rest."
        f"{copies}"
    )


def predictor_text(data: RunData) -> str:
    """Return how the predictor differs from the models that the headline is about."""
    fitted, shipped = data.summary.get("cross_fitted"), data.summary.get("shipped")
    if shipped is not None and shipped["how"] != "not measured":
        return f"{shipped_text(shipped)}. "
    text = (
        "The predictor that this run leaves decides by all its fold models together, with "
        "thresholds of dev and test, where there are more images to choose them by. On these "
        "images its own error rate cannot be measured, since it knows all of them: it is mostly "
        "lower than the HTER above. "
    )
    if fitted is not None:
        low, high = fitted["hter_interval"]
        text += (
            f"Nearer to it is the cross-fitted HTER, {rate(fitted['hter'])} ({rate(low)} to "
            f"{rate(high)}): each test part is cut into {fitted['pieces']} pieces, and each piece "
            "is decided by the threshold of dev and the other pieces. It is about single fold "
            "models, and so mostly still higher than that of the predictor. "
        )
    if "test" in data.summary:
        return f"{text}It was measured on the given test part."
    return (
        f"{text}To measure the predictor, give it labeled images that it never saw: "
        "imbclf-evaluate."
    )


def suspects_text(data: RunData, suspects: LabelIssues) -> str:
    """Return how many labels the models doubt, beside what uncertain images alone explain.

    Args:
        data: with each image once.
        suspects: the doubted labels.
    """
    low, _ = data.summary["auroc_interval"]
    if low is None or not low > LITTLE:
        return (
            "The models know too little about these images to doubt a label: their AUROC of "
            f"{data.summary['auroc']:.3f} may be that of guessing. suspects.csv is of no use here."
        )
    mean, deviation = expected_label_issues(data.probabilities)
    listed = len(suspects.rows)
    evidence = (
        "More are listed than that: some labels are probably wrong."
        if listed > mean + 2 * deviation
        else "The list alone is no evidence of wrong labels, but if there are some, they are here."
    )
    return (
        f"{listed:,} of {len(data.labels):,} labels are doubted: models that were not trained on "
        "these images predict the other label with confidence (confident learning). About "
        f"{mean:,.0f} would be doubted if all labels were right and the images as uncertain as the "
        f"models say. {evidence} suspects.csv lists all of them for review, the least probable "
        "given labels first."
    )
