"""Validate an experiment and decode its images, before anything is trained."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from imbclf.augment.tta import check_views
from imbclf.data.device_cache import cache_on_device
from imbclf.data.holdout import hold_out
from imbclf.data.listing import Listing
from imbclf.data.splits import Fold, repeated_folds
from imbclf.models.backbone import Backbone
from imbclf.models.input_check import check_input
from imbclf.models.torchvision_models import SkipRandomInit
from imbclf.prediction.scoring import resolve_precision
from imbclf.training.checks import check_batch, check_limit, check_start_of_folds, check_training
from imbclf.training.recipe import ExperimentParts, Recipe
from imbclf.utils.arrays import class_counts


@dataclass(frozen=True)
class Prepared:
    """A fully validated experiment, ready to train.

    Attributes:
        recipe: the parts, with the decoded images.
        folds: of these images.
        held: the holdout, if any.
    """

    recipe: Recipe
    folds: list[Fold]
    held: Listing | None


def prepare(parts: ExperimentParts) -> Prepared:
    """Find, check, decode and split the images of an experiment; nothing is trained or written.

    As much as possible is checked before the first image is decoded.

    Raises:
        UserError: an option is invalid, or the images do not fit.
    """
    data, cv = parts.data, parts.cv
    with SkipRandomInit():
        backbone = parts.model()
    precision = resolve_precision(parts.precision, parts.device, backbone.network)
    trainer = partial(parts.trainer, precision=precision)
    parts = replace(parts, precision=precision, trainer=trainer)
    listing, held = hold_out(data.list_files(), data.holdout)
    folds = _split(listing, parts)
    check_start_of_folds(cv, folds, listing, backbone)
    _check_before_decoding(parts, backbone, _labels(listing)[folds[0].fit])
    pixels, kept, options = data.decode(listing)
    check_input(backbone, *pixels.shape[1:3])
    parts.augment.check_size(*pixels.shape[1:3])
    check_views("cv.tta", cv.tta, *pixels.shape[1:3])
    if len(kept.files) != len(listing.files):
        folds = _split(kept, parts)
        check_start_of_folds(cv, folds, kept, backbone)
    resident = cache_on_device(pixels, parts.device)
    return Prepared(Recipe(parts, kept, pixels, resident, options), folds, held)


def _check_before_decoding(
    parts: ExperimentParts, backbone: Backbone, labels: NDArray[np.int64]
) -> None:
    trainer, batch_size = parts.trainer(), parts.data.batch_size
    check_batch(batch_size, trainer.world_size, len(labels))
    loss = parts.loss(class_counts(labels))
    check_training(backbone.head, loss, trainer.max_epochs, trainer.world_size)
    batches = parts.sampler(labels, parts.seed).batch_count(batch_size, trainer.world_size)
    check_limit(trainer.limit_train_batches, batches)


def _labels(listing: Listing) -> NDArray[np.int64]:
    assert listing.labels is not None
    return listing.labels


def _split(listing: Listing, parts: ExperimentParts) -> list[Fold]:
    cv = parts.cv
    return repeated_folds(
        _labels(listing), cv.folds, parts.seed, cv.repeats, listing.groups, cv.dev_fraction
    )
