"""An ensemble of fold models, each with its own threshold, that labels images."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from imbclf.augment.tta import Tta, check_tta, check_views
from imbclf.errors import UserError
from imbclf.metrics.calibration import Calibration
from imbclf.prediction.fold_model import (
    FoldModel,
    build_fold_model,
    load_fold_model,
    read_checkpoint,
)
from imbclf.prediction.manifest import FORMAT, MANIFEST, read_names, read_size
from imbclf.prediction.scoring import check_precision, resolve_precision, score_images
from imbclf.prediction.training_statistics import TrainingStatistics, read_training_statistics
from imbclf.utils.safe_reading import UNREADABLE, read_json


@dataclass(frozen=True)
class Predictions:
    """What an ensemble says of N images.

    Attributes:
        scores: float64 `[N]`, mean over the members of logit - threshold; 1 is decided where >= 0,
            or another number that was asked for.
        probabilities: float64 `[N]`, mean over the members of the calibrated P(label 1).
        decisions: int64 `[N]`, 0 or 1.
        labels: str `[N]`, the decisions in the user's own spelling.
        logits: float64 `[N, M]`, of each of the M members.
    """

    scores: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    decisions: NDArray[np.int64]
    labels: NDArray[np.str_]
    logits: NDArray[np.float64]


@dataclass(frozen=True)
class Predictor:
    """Fold models that decide together.

    Attributes:
        members: the models.
        image_size: (height, width) that images are decoded to, in pixels.
        label_names: the user's spelling of label 0 and label 1.
        tta: how images were viewed when the thresholds were chosen.
        reference: what the images of the training looked like; None where that is not known.
    """

    members: tuple[FoldModel, ...]
    image_size: tuple[int, int]
    label_names: tuple[str, str]
    tta: Tta = "none"
    reference: TrainingStatistics | None = None

    @property
    def names(self) -> list[str]:
        """Return the members' names."""
        return [member.name for member in self.members]

    def predict(
        self,
        images: NDArray[np.uint8],
        device: torch.device | None = None,
        precision: str | int = "32-true",
        batch_size: int = 512,
        tta: Tta | None = None,
        calibration: Calibration = "platt",
        prior: float | None = None,
        threshold: float = 0.0,
        progress: bool = False,
        fold_norms: bool = False,
    ) -> Predictions:
        """Label uint8 images `[N, H, W, 3]` of the ensemble's own image size.

        Args:
            images: what to label.
            device: where to compute.
            precision: 32-true, bf16-mixed, 16-mixed or auto.
            batch_size: images at once.
            tta: how images are viewed; None as when the thresholds were chosen.
            calibration: `platt` or `temperature`; for the probabilities, not for the labels.
            prior: share of label 1 that the probabilities shall hold for; None leaves that of the
                training data. The labels stay those of the least HTER, which no prior changes.
            threshold: 1 is decided where the score is at least this; 0 for the least HTER.
            progress: show a bar, on terminals only.
            fold_norms: whether many images may be scored by copies with folded batch norms: sooner,
                but not beside other threads.

        Raises:
            UserError: where the images have another shape or type, an option is out of range, or a
                member's logits are not finite.
        """
        check_precision(precision)
        viewed = self.tta if tta is None else tta
        check_tta("tta", viewed)
        check_views("tta", viewed, *self.image_size)
        if batch_size < 1:
            raise UserError(f"batch_size={batch_size}: expected 1 or more images")
        if isnan(threshold):
            raise UserError(f"threshold={threshold}: expected a number")
        lines = [member.log_odds_line(calibration, prior) for member in self.members]
        if images.ndim != 4 or images.shape[1:] != (*self.image_size, 3) or images.dtype != "uint8":
            raise UserError(
                f"images of shape {images.shape} and type {images.dtype}: this predictor takes "
                f"uint8 [N, {self.image_size[0]}, {self.image_size[1]}, 3]"
            )
        device = device or torch.device("cpu")
        rows, count = np.arange(len(images)), len(self.members)
        logits = np.empty((len(images), count))
        for number, member in enumerate(self.members):
            resolved = resolve_precision(precision, device, member.backbone.network)
            logits[:, number] = score_images(
                member.network,
                images,
                rows,
                device,
                resolved,
                batch_size,
                viewed,
                f"model {number + 1}/{count}" if progress else None,
                fold_norms,
            )
            _check_finite(logits[:, number], member.name, resolved)
        slopes, intercepts = np.array(lines).T
        scores = (logits - [member.rule["threshold"] for member in self.members]).mean(axis=1)
        probabilities = expit(slopes * logits + intercepts).mean(axis=1)
        decisions = (scores >= threshold).astype(np.int64)
        labels = np.array(self.label_names)[decisions]
        return Predictions(scores, probabilities, decisions, labels, logits)

    @classmethod
    def load(cls, folder: Path, probe: bool = True) -> "Predictor":
        """Read the ensemble that a run wrote. No code from the files is run.

        Args:
            folder: `predictor/` of a run directory.
            probe: False leaves out the probes (`model.probe=true`), for speed or to see what they
                contribute. Thresholds and calibrations remain those chosen with them.

        Raises:
            UserError: where a file is missing, damaged or not what it should be.
        """
        sheet = folder / MANIFEST
        try:
            stored = read_json(sheet)
            if stored["format"] != FORMAT:
                raise UserError(
                    f"{sheet}: format {stored['format']}, expected {FORMAT}. Predict with the "
                    "version of imbclf that wrote it, or train again"
                )
            image_size, label_names = read_size(stored), read_names(stored)
            tta = stored["tta"]
            check_tta("tta", tta)
            names = [str(member["weights"]) for member in stored["members"]]
            if len(set(names)) < len(names):
                raise ValueError("weights are named twice")
            members = tuple(load_fold_model(folder, entry, probe) for entry in stored["members"])
        except UNREADABLE as error:
            raise UserError(f"{sheet}: not a readable predictor ({error!r})") from error
        if not members:
            raise UserError(f"{sheet}: names no model")
        return cls(members, image_size, label_names, tta, read_training_statistics(folder))

    @classmethod
    def from_checkpoint(cls, path: Path, probe: bool = True) -> "Predictor":
        """Read one fold's checkpoint as an ensemble of one. No code from the file is run.

        Args:
            path: `best.ckpt` of a fold.
            probe: as for `load`.

        Raises:
            UserError: where the file is not such a checkpoint.
        """
        card, weights = read_checkpoint(path)
        try:
            image_size, label_names = read_size(card), read_names(card)
            member = build_fold_model(card, weights, path, probe)
        except UNREADABLE as error:
            raise UserError(f"{path}: not a checkpoint of imbclf-train ({error!r})") from error
        return cls((member,), image_size, label_names)


def _check_finite(logits: NDArray[np.float64], name: str, precision: str | int) -> None:
    """Refuse logits of which no decision is one."""
    if np.isfinite(logits).all():
        return
    way_on = (
        "its weights are damaged: train again"
        if precision == "32-true"
        else "choose precision=32-true"
    )
    count = int((~np.isfinite(logits)).sum())
    raise UserError(
        f"{name}: {count} of {len(logits)} logits are not finite with precision={precision}; "
        f"{way_on}"
    )


def join(predictors: Sequence[Predictor]) -> Predictor:
    """Make one ensemble of several, which must agree on image size and labels.

    Raises:
        UserError: where they do not.
    """
    first = predictors[0]
    for other in predictors[1:]:
        if other.tta != first.tta:
            raise UserError(
                f"ckpt: these runs view images differently (tta {first.tta} and {other.tta}), so "
                "that their thresholds are not for the same scores"
            )
        if (other.image_size, other.label_names) != (first.image_size, first.label_names):
            raise UserError(
                f"ckpt: these runs cannot decide together: images of {first.image_size} with "
                f"labels {first.label_names}, and of {other.image_size} with {other.label_names}"
            )
    members = tuple(member for predictor in predictors for member in predictor.members)
    one = len(predictors) == 1  # models of several runs share names, and their images may differ
    reference = first.reference if one else None
    return Predictor(members, first.image_size, first.label_names, first.tta, reference)
