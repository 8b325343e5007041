"""Evaluation of an ensemble on labeled images that it never saw."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imbclf.data.listing import Listing
from imbclf.data.reading.summary import listing_summary
from imbclf.evaluation.detection_rates import detection_rates
from imbclf.evaluation.evaluation_details import confusion
from imbclf.evaluation.judged_point import judge_point, point_text
from imbclf.evaluation.judged_referral import judge_referral, referral_text
from imbclf.evaluation.looks import looks_text
from imbclf.evaluation.probability_quality import probability_quality, probability_text
from imbclf.evaluation.subgroups import subgroup_report, subgroups_text
from imbclf.evaluation.summary import pooled_report
from imbclf.prediction.answer_table import probability_columns
from imbclf.prediction.operating_point import OperatingPoint
from imbclf.prediction.predictions import Predictions
from imbclf.prediction.referral import Referral
from imbclf.utils.arrays import minority_class
from imbclf.utils.tables import write_json, write_table


def evaluate(
    answer: Predictions,
    listing: Listing,
    out: Path,
    looks: int,
    shared: Mapping[str, int] | None = None,
    point: OperatingPoint | Referral | None = None,
    about: tuple[int, float | None] = (1, None),
    known: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Evaluate predictions of labeled images; write `evaluation.json` and `predictions.csv`.

    The decisions are judged as they were made; nothing is tuned on these images. Where a person is
    asked, the headline has the decisions without that, and `referral` those that are left.

    Args:
        answer: the predictions for N images.
        listing: their names and labels, in the same order.
        out: the folder for the two files.
        looks: how many different results have been seen on these images (`count_look`).
        shared: numbers of copies and groups that training images share, where that is known.
        point: what the threshold was chosen for, where it was.
        about: the positive label, and the prevalence that PPV and NPV are for; None is its share
            among these images.
        known: the out-of-fold result of the run, to be shown beside.

    Returns:
        The contents of `evaluation.json`.
    """
    labels = listing.known_labels
    evaluation = pooled_report(answer.margins, labels, listing.label_names, listing.groups)
    evaluation["confusion"] = confusion(answer.decisions, labels)
    if listing.groups is not None:
        evaluation["groups"] = len({*listing.groups})
    evaluation["detection"] = detection_rates(evaluation, *about)
    if answer.threshold != 0:
        evaluation["threshold"] = answer.threshold
    if isinstance(point, Referral):
        judged = judge_referral(point, answer.outcomes, labels, listing.groups)
        evaluation["referral"] = {"out_of_fold": point.to_json(), **_chosen(point), **judged}
    elif point is not None:
        evaluation["operating_point"] = point.to_json() | judge_point(point, evaluation)
    evaluation["probability"] = probability_quality(answer.probabilities, labels)
    evaluation["looks"] = looks
    subgroups = {name: listing.columns[name] for name in listing.subgroups}
    if subgroups:
        evaluation["subgroups"] = subgroup_report(
            answer.decisions, labels, subgroups, listing.groups
        )
    if known is not None:
        evaluation["out_of_fold"] = known
    if shared is not None:
        evaluation["shared_with_training"] = dict(shared)
    evaluation["data"] = listing_summary(listing)
    write_table(out / "predictions.csv", {**_columns(answer, listing), **subgroups})
    write_json(out / "evaluation.json", evaluation)
    return evaluation


def _columns(answer: Predictions, listing: Listing) -> dict[str, NDArray[Any]]:
    """Return the columns of `predictions.csv`, but for those of subgroups."""
    zero, one = probability_columns(listing.label_names)
    columns: dict[str, NDArray[Any]] = {"file": listing.files, "label": listing.known_labels}
    columns["decision"] = answer.decisions
    if answer.referred is not None:
        columns["referred"] = answer.referred.astype(np.int64)
    probabilities = {zero: 1 - answer.probabilities, one: answer.probabilities}
    return columns | probabilities | {"score": answer.scores}


def _chosen(point: Referral) -> dict[str, Any]:
    return {name: getattr(point, name) for name in ("option", "value", "low", "high")}


def evaluation_text(evaluation: dict[str, Any]) -> str:
    """Return the result on a few lines, then what was aimed at and probabilities, if any.

    >>> rates = {"hter": 0.1, "hter_interval": [0.08, 0.13], "far": 0.12, "frr": 0.08}
    >>> rest = {"auroc": 0.95, "class_counts": [50, 450], "label_names": ["bad", "good"]}
    >>> print(evaluation_text(rates | rest | {"looks": 1, "groups": 40}))
    HTER 0.1000, 95 % interval 0.0800 to 0.1300, over 50 images of bad and 450 of good, 40 groups
    FAR 0.1200, FRR 0.0800, AUROC 0.9500
    This is look 1 at these images, honest as long as nothing is chosen by it.
    """
    low, high = evaluation["hter_interval"]
    zero, one = evaluation["class_counts"]
    known, point = evaluation.get("probability"), evaluation.get("operating_point")
    names, subgroups = evaluation["label_names"], "subgroups" in evaluation
    rarer = minority_class((zero, one))
    groups = f", {evaluation['groups']:,} groups" if "groups" in evaluation else ""
    moved = "" if point is None else f", with the threshold for {point['aim']}={point['value']:g}"
    return (
        f"HTER {evaluation['hter']:.4f}, 95 % interval {low:.4f} to {high:.4f}, over {zero} images "
        f"of {names[0]} and {one} of {names[1]}{groups}{moved}\n"
        f"FAR {evaluation['far']:.4f}, FRR {evaluation['frr']:.4f}, AUROC "
        f"{evaluation['auroc']:.4f}\n{looks_text(evaluation['looks'])}."
        + ("" if point is None else f"\n{point_text(point)}")
        + (f"\n{referral_text(evaluation['referral'], names)}" if "referral" in evaluation else "")
        + ("" if known is None else f"\n{probability_text(known, names)}")
        + (f"\n\n{subgroups_text(evaluation['subgroups'], names, rarer)}" if subgroups else "")
    )
