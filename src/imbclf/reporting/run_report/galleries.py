"""Pictures in a report: errors, doubts, suspicious labels, and where the models look."""

import logging
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.evaluation.run_images import Photographs
from imbclf.metrics.label_issues import Suspects
from imbclf.models.saliency import smooth_gradients
from imbclf.prediction.fold_model import load_fold
from imbclf.reporting.html_page import Page, thumbnail
from imbclf.reporting.run_report.image_selection import most_doubtful, surest_errors
from imbclf.reporting.run_report.run_data import Evidence

log = logging.getLogger("imbclf")

MOST = 24  # pictures in a gallery
LOOKED_INTO = 6  # of each of the first three galleries
HEAT = np.array([255.0, 120.0, 0.0])


def add_galleries(
    page: Page,
    evidence: Evidence,
    suspects: Suspects,
    photographs: Photographs,
    device: torch.device,
) -> None:
    """Add all galleries, or a sentence that says why there are none."""
    names = evidence.names
    errors = [
        surest_errors(evidence.log_odds, evidence.labels, evidence.decisions, label, MOST)
        for label in (0, 1)
    ]
    doubtful = most_doubtful(evidence.margins, MOST)
    galleries = (
        (f"Surest errors: labeled {names[0]}, taken for {names[1]}", errors[0]),
        (f"Surest errors: labeled {names[1]}, taken for {names[0]}", errors[1]),
        ("Most doubtful: nearest to the threshold", doubtful),
        ("Labels that are probably wrong", suspects.rows[:MOST]),
    )
    rows = np.unique(np.concatenate([chosen for _, chosen in galleries]))
    try:
        shown = photographs(evidence.files[rows].tolist()) if len(rows) else np.empty(0, np.uint8)
    except UserError as error:
        page.heading("Images")
        page.paragraph(f"There are no images in this report: {error}.", note=True)
        return
    image_of = dict(zip(rows.tolist(), shown, strict=True))
    for heading, chosen in galleries:
        page.heading(heading)
        _add_gallery(page, evidence, chosen, image_of)
    looked_into = np.unique(np.concatenate([part[:LOOKED_INTO] for part in (*errors, doubtful)]))
    page.heading("Where the models look")
    _add_saliency(page, evidence, looked_into, image_of, device)


def _add_gallery(
    page: Page,
    evidence: Evidence,
    rows: NDArray[np.int64],
    image_of: dict[int, NDArray[np.uint8]],
) -> None:
    if not len(rows):
        page.paragraph("There are none.")
        return
    page.gallery(
        [thumbnail(image_of[row]) for row in rows.tolist()], _captions(evidence, rows.tolist())
    )


def _add_saliency(
    page: Page,
    evidence: Evidence,
    rows: NDArray[np.int64],
    image_of: dict[int, NDArray[np.uint8]],
    device: torch.device,
) -> None:
    """Add for each image the image itself and, on it in gray, what moves the logit."""
    page.paragraph(
        "The stronger the orange, the more the decision changes when the pixel does (SmoothGrad, "
        "in a model that had not seen the image). It says where a model looks, not why, and not "
        "whether it is right."
    )
    pictures: list[NDArray[np.uint8]] = []
    order: list[int] = []
    try:
        for fold in np.unique(evidence.fold_of[rows]).tolist():
            own = rows[evidence.fold_of[rows] == fold].tolist()
            images = np.stack([image_of[row] for row in own])
            network = load_fold(evidence.run / "predictor", fold).network
            maps = smooth_gradients(network, images, device)
            pictures += [overlay(image, heat) for image, heat in zip(images, maps, strict=True)]
            order += own
    except (UserError, RuntimeError, AssertionError) as error:
        log.warning("report: where the models look is left out (%s)", error)
        page.paragraph(f"This could not be computed for this network: {error}", note=True)
        return
    page.gallery(pictures, _captions(evidence, order), width=14)


def overlay(image: NDArray[np.uint8], heat: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return an image `[H, W, 3]` beside itself in gray under its heat `[H, W]`, 0 to 1."""
    gray = image.mean(axis=2, keepdims=True)
    share = 0.85 * heat[:, :, None]
    under = (1 - share) * (0.75 * gray + 50) + share * HEAT
    halves = [thumbnail(half) for half in (image, under.round().astype(np.uint8))]
    return np.concatenate(halves, axis=1)


def _captions(evidence: Evidence, rows: Sequence[int]) -> list[str]:
    """Say file, label, probability of label 1 and score."""
    (_, one), probabilities = evidence.names, evidence.probabilities
    return [
        f"{evidence.files[row]}: labeled {evidence.names[evidence.labels[row]]}, "
        f"P({one}) {probabilities[row]:.3f}, score {evidence.scores[row]:+.2f}"
        for row in rows
    ]
