"""Label the images of a listing and write what was decided."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imbclf.data.listing import Listing
from imbclf.prediction.decision_options import DecisionOptions
from imbclf.prediction.drift import Drift, check_drift
from imbclf.prediction.outliers import unfamiliarity
from imbclf.prediction.predictor import Predictions, Predictor
from imbclf.prediction.training_statistics import measure_colors
from imbclf.utils.files import write_text
from imbclf.utils.out_of_memory import explain_out_of_memory
from imbclf.utils.tables import write_json, write_table

PREDICTIONS, LABELS, SUMMARY = "predictions.csv", "labels.txt", "predictions.json"
log = logging.getLogger("imbclf")


@dataclass(frozen=True)
class FolderPredictions:
    """What was decided for the images of a listing.

    Attributes:
        answer: scores, probabilities and labels.
        listing: the images, in the same order.
        drift: how the images compare with those of the training; None where that is unknown.
        unfamiliarity: `[N]`, how far out each image is among those of the training; or None.
    """

    answer: Predictions
    listing: Listing
    drift: Drift | None
    unfamiliarity: NDArray[np.float64] | None = None

    @cached_property
    def names(self) -> list[str]:
        """All images asked for, in their order, those that could not be labeled too."""
        return self.listing.account.requested or self.listing.files.tolist()

    @cached_property
    def rows(self) -> list[int | None]:
        """The prediction of each of `names`, None where there is none."""
        row_of = {name: row for row, name in enumerate(self.listing.files.tolist())}
        return [row_of.get(name) for name in self.names]

    @cached_property
    def problems(self) -> list[str]:
        """Why each of `names` has no label; "" where it has one."""
        reasons = {one.file: one.reason for one in self.listing.account.left_out}
        found = zip(self.names, self.rows, strict=True)
        return ["" if row is not None else reasons.get(name, "unreadable") for name, row in found]


def predict_folder(
    predictor: Predictor,
    images: tuple[NDArray[np.uint8], Listing],
    options: DecisionOptions,
    threshold: float,
    device: torch.device,
    precision: str | int = "auto",
    batch_size: int = 512,
) -> FolderPredictions:
    """Label decoded images and compare them with those of the training.

    Args:
        predictor: the ensemble.
        images: uint8 `[N, H, W, 3]` of the predictor's size, and their listing.
        options: views, calibration and prior.
        threshold: label 1 is decided where the score is at least this.
        device: where to compute.
        precision: `auto` or a Lightning precision.
        batch_size: images at once.

    Raises:
        UserError: an option is out of range, or memory ran out.
    """
    pixels, listing = images
    with explain_out_of_memory("prediction", batch_size):
        answer = predictor.decide(pixels, options, threshold, device, precision, batch_size)
    known = predictor.training_statistics
    drift = unfamiliar = None
    if known is not None:
        rules = [model.rule for model in predictor.fold_models]
        drift = check_drift(
            listing,
            pixels,
            answer.logits,
            predictor.names,
            known,
            rules,
            predictor.label_names,
        )
        unfamiliar = unfamiliarity(measure_colors(pixels), known)
    return FolderPredictions(answer, listing, drift, unfamiliar)


def write_predictions(
    found: FolderPredictions,
    predictor: Predictor,
    options: DecisionOptions,
    threshold: float,
    addresses: Sequence[str],
    out: Path,
) -> None:
    """Write `predictions.csv`, `labels.txt` and `predictions.json` into a folder.

    Args:
        found: what was decided.
        predictor: what decided it.
        options: how it decided.
        threshold: of the scores.
        addresses: where the predictor was loaded from.
        out: the folder.
    """
    answer, drift = found.answer, found.drift
    account, names, rows = found.listing.account, found.names, found.rows
    columns = {"file": names, "score": _spread(answer.scores, rows)}
    columns |= {"probability": _spread(answer.probabilities, rows)}
    columns |= {"label": _spread(answer.labels, rows), "problem": found.problems}
    if not any(found.problems):
        del columns["problem"]
    if found.unfamiliarity is not None:
        columns["unfamiliarity"] = _spread(found.unfamiliarity.round(3), rows)
    write_table(out / PREDICTIONS, columns)
    write_text(out / LABELS, "".join(f"{label}\n" for label in columns["label"]))
    counts = np.bincount(answer.decisions, minlength=2).tolist()
    summary: dict[str, Any] = {
        "ckpt": [*addresses],
        "models": len(predictor.fold_models),
        "images": len(answer.labels),
        "labels": dict(zip(predictor.label_names, counts, strict=True)),
        "tta": predictor.tta if options.tta is None else options.tta,
        "calibration": options.calibration,
        "prior": options.prior,
        "threshold": threshold,
        "account": account.to_json(),
        "like_training": None if drift is None else not drift.warnings,
        "warnings": [] if drift is None else [*drift.warnings.values()],
        "compared": None if drift is None else drift.findings,
    }
    write_json(out / SUMMARY, summary)


def _spread(values: NDArray[Any], rows: Sequence[int | None]) -> list[Any]:
    """Return the value of each row, "" where there is none."""
    known = values.tolist()
    return ["" if row is None else known[row] for row in rows]


def prediction_text(found: FolderPredictions, predictor: Predictor, out: Path) -> str:
    """Return what was decided, in four lines for a terminal."""
    zero, one = predictor.label_names
    counts = np.bincount(found.answer.decisions, minlength=2)
    return "\n".join(
        (
            f"models       {len(predictor.fold_models)}",
            f"images       {counts.sum()}: {counts[0]} of label {zero}, {counts[1]} of label {one}"
            + _without_label(found),
            f"predictions  {out / PREDICTIONS}",
            f"labels       {out / LABELS}",
        )
    )


def _without_label(found: FolderPredictions) -> str:
    count = sum(map(bool, found.problems))
    return f"; {count} without a label, with the reason in {PREDICTIONS}" if count else ""
