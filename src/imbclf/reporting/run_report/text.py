"""What the headline means and how it was obtained, in plain words and the user's own labels."""

from imbclf.metrics.label_issues import LabelIssues, expected_label_issues
from imbclf.reporting.run_report.run_data import RunData

LITTLE = 0.6  # an AUROC below which models know too little to doubt labels


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
        f"{100 * summary['interval_level']:.0f} of 100 such intervals contain the true HTER, which "
        "is that of the models that were tested here, on average. "
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
        f"The images were divided into {folds} folds{again}. {models} a model was trained on some "
        "of the images of the other folds (fit), its epoch and its threshold were chosen on the "
        "rest of them (dev, for development or validation), and then it classified the images of "
        "its own fold (test) once. No image was classified by a model that was trained on its "
        "file, and no threshold was changed before its decisions were counted (an a-priori error "
        f"rate); those on all {summary['images']:,} test images are counted together. Numbers "
        "marked as oracles are different: their threshold is chosen on the very images that they "
        "are measured on. If this run was picked as the best of several, its HTER is too "
        "optimistic: measure it again on images that took part in no choice."
    )


def predictor_text(data: RunData) -> str:
    """Return how the predictor differs from the models that the headline is about."""
    fitted = data.summary.get("cross_fitted")
    text = (
        "The predictor that this run leaves decides by all its fold models together, with "
        "thresholds of dev and test, where there are more images to choose them by. Its own error "
        "rate was not measured, since it knows all these images: it is mostly lower than the HTER "
        "above. "
    )
    if fitted is not None:
        low, high = fitted["hter_interval"]
        text += (
            f"Nearer to it is the cross-fitted HTER, {rate(fitted['hter'])} ({rate(low)} to "
            f"{rate(high)}): each test part is cut into {fitted['pieces']} pieces, and each piece "
            "is decided by the threshold of dev and the other pieces. It is about single fold "
            "models, and so mostly still higher than that of the predictor. "
        )
    return (
        text
        + "To measure the predictor, give it labeled images that it never saw: imbclf-evaluate."
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
        f"{listed} of {len(data.labels)} labels are doubted: models that were not trained on these "
        "images predict the other label with confidence (confident learning). About "
        f"{mean:.0f} would be doubted if all labels were right and the images as uncertain as the "
        f"models say. {evidence} suspects.csv lists all of them for review, the least probable "
        "given labels first."
    )
