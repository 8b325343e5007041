"""Judge an ensemble on labeled images that its training never saw."""

from pathlib import Path
from typing import Any

import torch

from imbclf.data.batch_size import LARGEST
from imbclf.data.dataset import LabelledFolder
from imbclf.data.listing import Listing
from imbclf.evaluation.evaluate import evaluate
from imbclf.evaluation.evaluation_details import out_of_fold
from imbclf.evaluation.looks import count_look
from imbclf.evaluation.positive_label import check_prevalence, positive_label
from imbclf.evaluation.training_images import find_shared
from imbclf.evaluation.unseen_images import open_unseen
from imbclf.prediction.decision_options import DecisionOptions
from imbclf.prediction.operating_point import OperatingPoint
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.referral import Referral


def evaluate_unseen(
    predictor: Predictor,
    data: LabelledFolder,
    listing: Listing,
    options: DecisionOptions,
    point: OperatingPoint | Referral | None,
    device: torch.device,
    precision: str | int,
    out: Path,
    run: Path | None = None,
    positive: object = None,
    prevalence: float | None = None,
) -> dict[str, Any]:
    """Predict labeled images, judge the decisions, write `evaluation.json` and `predictions.csv`.

    Args:
        predictor: the ensemble.
        data: how the images are read.
        listing: which of them, with their labels.
        options: views, calibration and prior.
        point: what the options ask for, where they have an aim.
        device: where to compute.
        precision: `auto` or a Lightning precision.
        out: the folder for the two files.
        positive: name of the label that sensitivity and PPV are about; None: see `positive_label`.
        prevalence: its share where the decisions will be made; None is that of these images.
        run: the run directory; a warning says what the images share with those it was trained on.

    Returns:
        The contents of `evaluation.json`.

    Raises:
        UserError: the labels are other than the predictor's, an image cannot be read, or an option
            is out of range.
    """
    names = predictor.label_names
    check_prevalence(prevalence)
    about = positive_label(predictor.rare_label, names, run, positive), prevalence
    pixels, kept = open_unseen(data, listing, names, predictor.image_size, predictor.pixel_options)
    shared = find_shared(run, kept, pixels)
    threshold = options.threshold_at(point)
    batch_size = data.batch_size or LARGEST
    answer = predictor.decide(pixels, options, threshold, device, precision, batch_size)
    answer = answer.referring(point.band if isinstance(point, Referral) else None)
    counts = None if shared is None else shared.counts
    looks = count_look(kept, answer.outcomes, data.cache_dir, run)
    return evaluate(answer, kept, out, looks, counts, point, about, out_of_fold(run))
