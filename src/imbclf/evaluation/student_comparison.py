"""A student against the ensemble that it comes from, on the same images: errors, time, size."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imbclf.evaluation.summary import pooled_report
from imbclf.metrics.significance import paired_hter_test
from imbclf.prediction.predictions import Predictions
from imbclf.prediction.predictor import Predictor
from imbclf.utils.text import text_table

TIMED_IMAGES, TIMED_ROUNDS = 128, 3
RATES = ("hter", "hter_interval", "far", "frr", "auroc", "auroc_interval")


def compare_errors(
    student: Predictions,
    ensemble: Predictions,
    labels: NDArray[np.int64],
    label_names: tuple[str, str],
    groups: NDArray[np.str_] | None,
) -> dict[str, Any]:
    """Return the errors of both on images that neither has seen, and the student's loss; JSON-able.

    `loss` is HTER of the student minus that of the ensemble, with the 95 % interval of
    `paired_hter_test`, since both decide the same images; `relative_loss` is that difference as a
    share of the ensemble's HTER, None where that is 0.

    Args:
        student: its answers.
        ensemble: its answers.
        labels: `[N]`.
        label_names: how the user spells them.
        groups: `[N]`, which images depend on each other, where that is known.
    """
    reports = {
        name: pooled_report(answer.scores, labels, label_names, groups)
        for name, answer in (("ensemble", ensemble), ("student", student))
    }
    found = paired_hter_test(student.decisions, ensemble.decisions, labels, groups=groups)
    before = float(reports["ensemble"]["hter"])
    return {
        "images": len(labels),
        "class_counts": reports["student"]["class_counts"],
        **{name: {rate: report[rate] for rate in RATES} for name, report in reports.items()},
        "loss": found.hter,
        "loss_interval": [found.low, found.high],
        "relative_loss": found.hter / before if before > 0 else None,
    }


def measure_speed(
    predictor: Predictor,
    pixels: NDArray[np.uint8],
    device: torch.device,
    precision: str | int,
    batch_size: int,
) -> float:
    """Return the seconds that a predictor takes for an image: the best of three rounds.

    Args:
        predictor: what is timed.
        pixels: uint8 `[N, H, W, 3]`.
        device: where to compute.
        precision: one that networks are scored in.
        batch_size: images at once.
    """
    images = np.array(pixels[:TIMED_IMAGES])
    predictor.predict_pixels(images[:2], device, precision, batch_size)  # first allocations
    seconds = []
    for _ in range(TIMED_ROUNDS):
        started = time.perf_counter()
        predictor.predict_pixels(images, device, precision, batch_size)
        seconds.append(time.perf_counter() - started)
    return min(seconds) / len(images)


def student_text(found: Mapping[str, Any]) -> str:
    """Return the result of a student as lines of text.

    Args:
        found: the contents of `distill.json`.
    """
    return "\n".join([_table(found), "", *_sentences(found)])


def loss_sentence(found: Mapping[str, Any]) -> str:
    """Return what the student loses against the ensemble, or that it is not known.

    >>> rates = {"hter": 0.1, "hter_interval": [0.08, 0.12]}
    >>> errors = {"loss": 0.002, "loss_interval": [-0.01, 0.014], "relative_loss": 0.02}
    >>> errors |= {"how": "test part", "images": 900, "ensemble": rates}
    >>> print(loss_sentence({"comparison": errors}))
    Loss of HTER by one network: +0.0020, 95 % interval -0.0100 to +0.0140, +2.0 % of the \
ensemble's; on the 900 images of the test part, which neither has seen
    """
    errors = found["comparison"]
    if errors["how"] == "not measured":
        return (
            "Loss of HTER by one network: not measured, no images were kept for it. On labeled "
            f"images that neither has seen: imbclf-evaluate {found['run']} IMAGES, and "
            "imbclf-evaluate STUDENT IMAGES"
        )
    low, high = errors["loss_interval"]
    share = errors["relative_loss"]
    relative = "" if share is None else f", {share:+.1%}".replace("%", " % of the ensemble's")
    return (
        f"Loss of HTER by one network: {errors['loss']:+.4f}, 95 % interval {low:+.4f} to "
        f"{high:+.4f}{relative}; on the {errors['images']:,} images of the {errors['how']}, which "
        "neither has seen"
    )


def _table(found: Mapping[str, Any]) -> str:
    head = ("", "HTER", "95 % interval", "AUROC", "ms/image", "MB", "network")
    rows: list[tuple[str, ...]] = [head]
    for name, network in (("ensemble", found["teacher"]), ("student", found["architecture"])):
        rates = found["comparison"].get(name)
        shown = ("", "", "")
        if rates is not None:
            low, high = rates["hter_interval"]
            shown = (f"{rates['hter']:.4f}", f"{low:.4f} to {high:.4f}", f"{rates['auroc']:.4f}")
        cost = found["cost"][name]
        ms, size = f"{1e3 * cost['seconds_per_image']:.2f}", f"{cost['bytes'] / 1e6:.1f}"
        rows.append((name, *shown, ms, size, network))
    return text_table(rows, "<8  >6  <16  >6  >8  >6  <1")


def _sentences(found: Mapping[str, Any]) -> list[str]:
    images, share = found["images"], found["share"]
    learned = (
        "labels alone (a refit)"
        if share == 0
        else f"{found['teacher']}"
        if share == 1
        else f"labels and {found['teacher']} (share {share:g} of its loss)"
    )
    return [
        f"It learned from {learned}; epochs: {found['epochs']}, on {images['fit']:,} images.",
        _threshold_sentence(found),
        f"{loss_sentence(found)}.",
    ]


def _threshold_sentence(found: Mapping[str, Any]) -> str:
    others = f"{found['images']['dev']:,} images that it did not learn from"
    if found["threshold_from"] == "dev":
        return f"Its threshold was chosen on {others}."
    return (
        "Its threshold is that of the run's out-of-fold scores, carried over to its own scale by "
        f"{others}."
    )
