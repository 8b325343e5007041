"""Images in a report: errors, uncertain ones, probable label errors, and saliency maps."""

import logging
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.evaluation.run_images import Photographs
from imbclf.metrics.label_issues import LabelIssues
from imbclf.models.saliency import smooth_gradients
from imbclf.prediction.fold_model import load_fold
from imbclf.reporting.embedded_images import thumbnail
from imbclf.reporting.html_page import Page
from imbclf.reporting.run_report.image_selection import most_confident_errors, nearest_to_threshold
from imbclf.reporting.run_report.run_data import RunData

log = logging.getLogger("imbclf")

MOST = 24  # images in a gallery
EXPLAINED = 6  # saliency maps of each of the first three galleries
HEAT = np.array([255.0, 120.0, 0.0])


def add_galleries(
    page: Page,
    data: RunData,
    suspects: LabelIssues,
    photographs: Photographs,
    device: torch.device,
) -> None:
    """Add all galleries, or the reason why there are none."""
    names = data.names
    errors = [
        most_confident_errors(data.log_odds, data.labels, data.decisions, label, MOST)
        for label in (0, 1)
    ]
    uncertain = nearest_to_threshold(data.margins, MOST)
    galleries = (
        (f"Most confident errors: labeled {names[0]}, classified as {names[1]}", errors[0]),
        (f"Most confident errors: labeled {names[1]}, classified as {names[0]}", errors[1]),
        ("Least certain: nearest to the threshold", uncertain),
        ("Labels to review: the other one is more probable", suspects.rows[:MOST]),
    )
    rows = np.unique(np.concatenate([chosen for _, chosen in galleries]))
    try:
        shown = photographs(data.files[rows].tolist()) if len(rows) else np.empty(0, np.uint8)
    except UserError as error:
        page.heading("Images")
        page.paragraph(f"There are no images in this report: {error}.", note=True)
        return
    image_of = dict(zip(rows.tolist(), shown, strict=True))
    for heading, chosen in galleries:
        page.heading(heading)
        _add_gallery(page, data, chosen, image_of)
    explained = np.unique(np.concatenate([part[:EXPLAINED] for part in (*errors, uncertain)]))
    page.heading("Where the models look")
    _add_saliency(page, data, explained, image_of, device)


def _add_gallery(
    page: Page,
    data: RunData,
    rows: NDArray[np.int64],
    image_of: dict[int, NDArray[np.uint8]],
) -> None:
    if not len(rows):
        page.paragraph("There are none.")
        return
    page.gallery(
        [thumbnail(image_of[row]) for row in rows.tolist()], _captions(data, rows.tolist())
    )


def _add_saliency(
    page: Page,
    data: RunData,
    rows: NDArray[np.int64],
    image_of: dict[int, NDArray[np.uint8]],
    device: torch.device,
) -> None:
    """Add each image beside its saliency map, by the fold model that was not trained on it."""
    page.paragraph(
        "The stronger the orange, the more the decision changes when the pixel does (SmoothGrad, "
        "in a model that was not trained on the image). It shows where a model looks, not why, and "
        "not whether it is right."
    )
    pictures: list[NDArray[np.uint8]] = []
    order: list[int] = []
    try:
        for fold in np.unique(data.fold_of[rows]).tolist():
            own = rows[data.fold_of[rows] == fold].tolist()
            images = np.stack([image_of[row] for row in own])
            network = load_fold(data.run / "predictor", fold).network
            maps = smooth_gradients(network, images, device)
            pictures += [overlay(image, heat) for image, heat in zip(images, maps, strict=True)]
            order += own
    except (UserError, RuntimeError, AssertionError) as error:
        log.warning("report: saliency maps are left out (%s)", error)
        page.paragraph(f"This could not be computed for this network: {error}", note=True)
        return
    page.gallery(pictures, _captions(data, order), width=14)


def overlay(image: NDArray[np.uint8], heat: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return an image `[H, W, 3]` beside its heat `[H, W]`, 0 to 1, laid over it in gray.

    >>> overlay(np.zeros((4, 6, 3), np.uint8), np.ones((4, 6))).shape
    (4, 12, 3)
    """
    gray = image.mean(axis=2, keepdims=True)
    share = 0.85 * heat[:, :, None]
    under = (1 - share) * (0.75 * gray + 50) + share * HEAT
    halves = [thumbnail(half) for half in (image, under.round().astype(np.uint8))]
    return np.concatenate(halves, axis=1)


def _captions(data: RunData, rows: Sequence[int]) -> list[str]:
    """Return file, label, probability of label 1 and score of each image."""
    (_, one), probabilities = data.names, data.probabilities
    return [
        f"{data.files[row]}: labeled {data.names[data.labels[row]]}, "
        f"P({one}) {probabilities[row]:.3f}, score {data.scores[row]:+.2f}"
        for row in rows
    ]
