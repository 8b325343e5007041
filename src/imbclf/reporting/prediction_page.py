"""The page of predictions: what was decided of new images, the doubtful ones first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.prediction.predict_folder import FolderPredictions
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.write_predictions import PREDICTIONS, less_probable
from imbclf.reporting.html_page import Page
from imbclf.reporting.page_parts import Picture
from imbclf.reporting.prediction_images import Choice, choose_images, detailed_images, heat_maps
from imbclf.utils.text import probability_text

PAGE = "predictions.html"
MOST_ROWS = 200  # of a table
WIDTH = 8  # rem, of a small image
HEAT = (
    "In orange, where the models look: the stronger, the more the score changes when the pixel "
    "does (SmoothGrad, mean of the fold models). It shows where they look, not why, and not "
    "whether they are right."
)


@dataclass(frozen=True)
class Origin:
    """Where predictions come from.

    Attributes:
        model: addresses of the predictor.
        images: where the images are.
        command: what was called.
        aim: what an aim that moved the threshold comes to, if there was one.
    """

    model: str
    images: str
    command: str
    aim: str | None = None


def write_prediction_page(
    path: Path,
    found: FolderPredictions,
    pixels: NDArray[np.uint8],
    predictor: Predictor,
    origin: Origin,
    explain: torch.device | None = None,
) -> None:
    """Write the page of predictions, one HTML file that needs no network.

    Of many images 200 are shown: the 100 most doubtful, and 50 of each label of the others, from
    doubtful to sure.

    Args:
        path: the file.
        found: what was decided.
        pixels: uint8 `[N, H, W, 3]`, the images as they were decoded for the networks.
        predictor: what decided it.
        origin: where the predictions come from.
        explain: the device that heat maps are computed on; None leaves them out.

    Raises:
        UserError: heat maps cannot be computed for these networks.
    """
    answer = found.answer
    choice = choose_images(answer.margins, answer.decisions, referred=answer.referred)
    page = Page(f"Predictions for {origin.images}")
    _add_head(page, found, predictor, origin)
    _add_galleries(page, found, choice, _pictures(found, pixels, predictor, choice, explain))
    _add_tables(page, found)
    page.heading("How these were made")
    page.code(origin.command)
    page.write(path)


def _add_head(page: Page, found: FolderPredictions, predictor: Predictor, origin: Origin) -> None:
    names, total = predictor.label_names, len(found.answer.labels)
    counts = [count for count, _ in found.below_half]
    shares = [
        f"{count:,} labeled {name} ({count / max(total, 1):.1%})"
        for name, count in zip(names, counts, strict=True)
    ]
    missing = sum(map(bool, found.problems))
    left = int((found.answer.outcomes < 0).sum())
    if found.referral is not None:
        shares.append(f"{left:,} referred to a person ({left / max(total, 1):.1%})")
    rule = found.rule.sentence
    page.facts(
        [
            ("Images", f"{total:,}: {', '.join(shares)}" + _and(missing, "without a label")),
            ("Rule", rule[0].upper() + rule[1:]),
            *([] if origin.aim is None else [("Threshold", origin.aim)]),
            *([] if found.referral is None else [("Out of fold", referral_sentence(found))]),
            *(("", line) for line in less_probable(found, names)),
            ("Model", f"{origin.model} ({predictor.describe_models()})"),
            ("Date", datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")),
        ]
    )
    for warning in () if found.drift is None else found.drift.warnings.values():
        page.caution(f"Possible data drift: {warning}.")


def referral_sentence(found: FolderPredictions) -> str:
    """Return what referring images to a person has bought on the images of the run."""
    known, names = found.referral, found.rule.label_names
    assert known is not None
    text = (
        f"{known.option}={known.value:g} refers {known.referred:.1%} of the images of the run to a "
        f"person, {known.referred_of[0]:.1%} of {names[0]} and {known.referred_of[1]:.1%} of "
        f"{names[1]}"
    )
    if known.hter is None or known.hter_interval is None:
        return text
    low, high = known.hter_interval
    return (
        f"{text}; HTER of the others {known.hter:.1%} ({low:.1%} to {high:.1%}), instead of "
        f"{known.plain_hter:.1%} of all"
    )


def _pictures(
    found: FolderPredictions,
    pixels: NDArray[np.uint8],
    predictor: Predictor,
    choice: Choice,
    explain: torch.device | None,
) -> dict[int, Picture]:
    """Return the picture of each image that is shown."""
    rows = choice.rows.tolist()
    shown = detailed_images(predictor, found.listing, pixels, rows)
    heats: Sequence[NDArray[np.float64] | None] = [None] * len(rows)
    if explain is not None:
        try:
            heats = heat_maps(predictor, pixels, rows, explain)
        except (RuntimeError, AssertionError) as error:
            raise UserError(
                f"explain=true: heat maps cannot be computed for this network ({error})"
            ) from error
    answer, about = found.answer, found.rule.about
    name = found.rule.label_names[about]
    pictures = {}
    for row, image, heat in zip(rows, shown, heats, strict=True):
        one = float(answer.probabilities[row])
        probability, label = one if about else 1 - one, str(answer.labels[row])
        detail = (
            f"{label}, P({name}) {probability_text(probability)}, score {answer.scores[row]:+.2f}"
        )
        warning = found.warnings[row]
        pictures[row] = Picture(
            image,
            str(found.listing.files[row]),
            f"{label}, P {probability_text(probability)}{' !' if warning else ''}",
            heat,
            f"{detail}; unlike the training images: {warning}" if warning else detail,
        )
    return pictures


def _add_galleries(
    page: Page, found: FolderPredictions, choice: Choice, pictures: dict[int, Picture]
) -> None:
    names, about = found.rule.label_names, found.rule.about
    hidden = len(found.answer.labels) - len(pictures)
    page.heading("Images")
    page.paragraph(
        f"P is the probability of label {names[about]}. A click shows an image large; arrow keys "
        "show the next ones."
        + (" ! marks images that differ from all training images." if any(found.warnings) else "")
        + (f" {hidden:,} images are not shown; all are in {PREDICTIONS}." if hidden else "")
    )
    if any(picture.heat is not None for picture in pictures.values()):
        page.paragraph(HEAT)
        page.heat_switch()
    if found.referral is None:
        page.subheading("The most doubtful first: nearest to the threshold")
    else:
        referred_count = int((found.answer.outcomes < 0).sum())
        page.subheading(
            f"Referred to a person, the most doubtful first: {len(choice.doubtful)} of "
            f"{referred_count:,}"
        )
    page.pictures([pictures[row] for row in choice.doubtful.tolist()], WIDTH)
    for name, rows, left in zip(names, choice.others, choice.left, strict=True):
        if left:
            page.subheading(
                f"{'Others of' if found.referral is None else 'Decided'} label {name}, from "
                f"doubtful to sure: {len(rows)} of {left:,}"
            )
            page.pictures([pictures[row] for row in rows.tolist()], WIDTH)


def _add_tables(page: Page, found: FolderPredictions) -> None:
    """Add the images that differ from those of the training, and those without a label."""
    files, labels = found.listing.files.tolist(), found.answer.labels.tolist()
    unlike = [row for row in zip(files, labels, found.warnings, strict=True) if row[2]]
    _add_table(page, "Unlike all training images", ("File", "Label", "How"), unlike)
    pairs = zip(found.names, found.problems, strict=True)
    _add_table(page, "Without a label", ("File", "Why"), [pair for pair in pairs if pair[1]])


def _add_table(
    page: Page, title: str, columns: Sequence[str], rows: Sequence[tuple[str, ...]]
) -> None:
    if rows:
        page.heading(title)
        more = len(rows) - MOST_ROWS
        caption = f"{len(rows):,} images" + (
            f", of which {more:,} are not shown" if more > 0 else ""
        )
        page.table(columns, rows[:MOST_ROWS], f"{caption}; all are in {PREDICTIONS}.")


def _and(count: int, words: str) -> str:
    return f"; {count:,} {words}" if count else ""
