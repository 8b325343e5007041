"""Label the images of a listing."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from imbclf.data.image_headers import read_headers
from imbclf.data.listing import Listing
from imbclf.prediction.decision_options import DecisionOptions
from imbclf.prediction.drift import Drift, check_drift
from imbclf.prediction.image_warnings import image_warnings
from imbclf.prediction.labeling_rule import HALF, LabelingRule
from imbclf.prediction.outliers import unfamiliarity
from imbclf.prediction.predictions import Predictions
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.referral import Referral
from imbclf.prediction.scoring import resolve_precision
from imbclf.prediction.training_statistics import measure_colors
from imbclf.utils.out_of_memory import explain_out_of_memory

EXACT = "32-true"  # the precision of exported files and served models
THREADS = 4  # that read headers, of which a file system far away gives each late


@dataclass(frozen=True)
class FolderPredictions:
    """What was decided for the images of a listing.

    Attributes:
        answer: scores, probabilities and labels.
        listing: the images, in the same order.
        drift: how the images compare with those of the training; None where that is unknown.
        rule: how scores or probabilities became labels.
        warnings: `[N]`, how each image differs from those of the training, "" where it does not.
        precision: that the networks computed in: 32-true, bf16-mixed or 16-mixed.
        unfamiliarity: `[N]`, how far out each image is among those of the training; or None.
        referral: which images were referred to a person, and by what; None: all were decided.
    """

    answer: Predictions
    listing: Listing
    drift: Drift | None
    rule: LabelingRule
    warnings: Sequence[str]
    precision: str = EXACT
    unfamiliarity: NDArray[np.float64] | None = None
    referral: Referral | None = None

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

    @cached_property
    def below_half(self) -> list[tuple[int, int]]:
        """Of label 0 and of label 1: images decided so, and those whose P(label) is below .5."""
        probability, decisions = self.answer.probabilities, self.answer.outcomes
        of_decision = np.where(decisions == 1, probability, 1 - probability)
        own = [of_decision[decisions == label] for label in (0, 1)]
        return [(len(one), int((one < HALF).sum())) for one in own]


def predict_folder(
    predictor: Predictor,
    images: tuple[NDArray[np.uint8], Listing],
    options: DecisionOptions,
    threshold: float,
    device: torch.device,
    precision: str | int = EXACT,
    batch_size: int = 512,
    about: int | None = None,
    referral: Referral | None = None,
) -> FolderPredictions:
    """Label decoded images and compare them with those of the training.

    Args:
        predictor: the ensemble.
        images: uint8 `[N, H, W, 3]` of the predictor's size, and their listing.
        options: views, calibration and prior.
        threshold: label 1 is decided where the score is at least this.
        device: where to compute.
        precision: a Lightning precision, or `auto` for the fastest on the device.
        batch_size: images at once.
        about: the label, 0 or 1, whose probability the rule names; None is the rarer one.
        referral: which images are referred to a person; None: all are decided.

    Raises:
        UserError: an option is out of range, or memory ran out.
    """
    pixels, listing = images
    with explain_out_of_memory("prediction", batch_size):
        answer = predictor.decide(pixels, options, threshold, device, precision, batch_size)
    known, models = predictor.training_statistics, predictor.fold_models
    drift = unfamiliar = None
    if known is not None:
        rules = [model.rule for model in models]
        names = predictor.names, known, rules, predictor.label_names
        drift = check_drift(listing, pixels, answer.logits, *names)
        unfamiliar = unfamiliarity(measure_colors(pixels), known)
    band = None if referral is None else referral.band
    rule = predictor.labeling_rule(options, threshold, about, band)
    answer = answer.referring(band)
    headers = [None] * len(listing) if known is None else read_headers(listing, THREADS)
    warnings = image_warnings(headers, pixels, known)
    # A network alone may be slower in fewer bits: the ensemble is named by its least exact one.
    used = {str(resolve_precision(precision, device, one.backbone.network)) for one in models}
    least = min(used, key=lambda one: one == EXACT)
    return FolderPredictions(answer, listing, drift, rule, warnings, least, unfamiliar, referral)
