"""Validate an experiment and decode its images, before anything is trained."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from imbclf.augment.tta import check_views
from imbclf.data.batch_size import batch_size_for
from imbclf.data.dataset import LabelledFolder
from imbclf.data.device_cache import cache_on_device
from imbclf.data.fit_share import take_fit_share
from imbclf.data.given_folds import given_folds
from imbclf.data.holdout import hold_out, hold_out_again
from imbclf.data.listing import Listing
from imbclf.data.parts import fold_numbers, part_names, take_test_part
from imbclf.data.splits import Fold
from imbclf.errors import UserError
from imbclf.evaluation.given_test import GivenTest
from imbclf.models.backbone import Backbone
from imbclf.models.input_check import check_input
from imbclf.models.torchvision_models import SkipRandomInit
from imbclf.prediction.scoring import resolve_precision
from imbclf.training.checks import (
    check_batch,
    check_freezing,
    check_frozen,
    check_limit,
    check_one_class,
    check_start_of_folds,
    check_training,
)
from imbclf.training.cross_validation import CrossValidation
from imbclf.training.division import describe_division
from imbclf.training.recipe import ExperimentParts, Recipe
from imbclf.utils.arrays import class_counts


@dataclass(frozen=True)
class Prepared:
    """A fully validated experiment, ready to train.

    Attributes:
        recipe: the parts, with the decoded images.
        folds: of these images.
        held: the holdout, if any.
        test: the test part that the user made, if any.
        division: lines that say what became of the parts that the user made, and what follows from
            the size of the images.
        listed: all images of the data set, those held out too.
    """

    recipe: Recipe
    folds: list[Fold]
    held: Listing | None
    test: GivenTest | None = None
    division: tuple[str, ...] = ()
    listed: Listing | None = None


def prepare(parts: ExperimentParts, run: Path | None = None) -> Prepared:
    """Find, check, decode and split the images of an experiment; nothing is trained or written.

    As much as possible is checked before the first image is decoded.

    Args:
        parts: of the experiment.
        run: the run directory; one that is resumed keeps the images that it held out.

    Raises:
        UserError: an option is invalid, or the images do not fit.
    """
    data = parts.data
    # First what costs least and fails most: weights may be downloaded, the demo is drawn.
    listed = data.list_files() if data.make is None else None
    with SkipRandomInit():
        backbone = parts.model()
    precision = resolve_precision(parts.precision, parts.device, backbone.network)
    trainer = partial(parts.trainer, precision=precision)
    parts = replace(parts, precision=precision, trainer=trainer)
    listed = listed or data.list_files()
    listing, test = take_test_part(listed, data.holdout)
    listing, held = (
        hold_out(listing, data.holdout)
        if run is None
        else hold_out_again(listing, data.holdout, run)
    )
    asked, parts = parts.cv.folds, replace(parts, cv=_numbered(parts.cv, listing))
    folds = _split(listing, parts)
    parts = _with_batch_size(parts, len(folds[0].fit))
    check_frozen(backbone, parts.cv.start_from)
    check_start_of_folds(parts.cv, folds, listing, backbone)
    _check_before_decoding(parts, backbone, listing, folds[0])
    pixels, kept, options = data.decode(listing)
    size = (int(pixels.shape[1]), int(pixels.shape[2]))
    check_input(backbone, *size)
    parts.augment.check_size(*size)
    check_views("cv.tta", parts.cv.tta, *size)
    if len(kept.files) != len(listing.files):
        folds = _split(kept, parts)
        check_start_of_folds(parts.cv, folds, kept, backbone)
    given = None if test is None else _open_test(replace(data, depth=options.depth), test, size)
    is_default = asked == CrossValidation.folds
    lines = describe_division(
        kept, folds, None if given is None else given.listing, None if is_default else asked
    )
    lines += parts.augment.describe(*size)
    if data.batch_size is None:
        lines.append(f"batches  of {parts.batch_size}, for {len(folds[0].fit):,} images to fit")
    resident = cache_on_device(pixels, parts.device)
    return Prepared(
        Recipe(parts, kept, pixels, resident, options, backbone.head.takes_stages),
        folds,
        held,
        given,
        tuple(lines),
        listed,
    )


def _with_batch_size(parts: ExperimentParts, images: int) -> ExperimentParts:
    """Return the parts with a size of batches, chosen by the number of images if it is open."""
    if parts.data.batch_size is not None:
        return parts
    size = batch_size_for(images, parts.trainer().world_size)
    return replace(parts, data=replace(parts.data, batch_size=size))


def _numbered(cv: CrossValidation, listing: Listing) -> CrossValidation:
    """Return the protocol with as many folds as the images are numbered by, if they are."""
    numbers = [] if listing.parts is None else fold_numbers(part_names(listing.parts))
    return replace(cv, folds=len(numbers)) if numbers else cv


def _open_test(data: LabelledFolder, test: Listing, size: tuple[int, int]) -> GivenTest:
    """Decode the test part, whose images are of the size of the others."""
    pixels, kept = data.open(test)
    height, width = pixels.shape[1:3]
    if (height, width) != size:
        raise UserError(
            f"data.image_size=null: the images of the test part are {height}x{width}, the others "
            f"{size[0]}x{size[1]}; resize all to one size, for example with data.image_size=64"
        )
    if len(np.unique(kept.known_labels)) < 2:
        raise UserError(
            "data.on_corrupt=skip: without the images that cannot be read, the test part has "
            "images of one label alone; repair them, or use data.part=none"
        )
    return GivenTest(kept, pixels)


def _check_before_decoding(
    parts: ExperimentParts, backbone: Backbone, listing: Listing, fold: Fold
) -> None:
    labels = listing.known_labels[fold.fit]
    check_one_class(backbone.head, labels, listing.label_names)
    trainer, batch_size = parts.trainer(), parts.batch_size
    trains = trainer.max_epochs != 0  # a probe and the like have no steps
    if trains:
        check_batch(batch_size, trainer.world_size, len(labels))
    if parts.deadline is not None and trainer.world_size > 1:
        raise UserError("trainer.time_limit plans for one device; with several set max_epochs")
    loss = parts.loss(class_counts(labels))
    check_freezing(parts.optim.frozen, backbone)
    check_training(backbone.head, loss, trainer.max_epochs, trainer.world_size)
    if trains:
        batches = parts.sampler(labels, parts.seed).batch_count(batch_size, trainer.world_size)
        check_limit(trainer.limit_train_batches, batches)


def _split(listing: Listing, parts: ExperimentParts) -> list[Fold]:
    cv = parts.cv
    folds = given_folds(listing, cv.folds, parts.seed, cv.repeats, cv.dev_fraction)
    if cv.fit_share is None:
        return folds
    return take_fit_share(folds, listing.known_labels, listing.groups, cv.fit_share, parts.seed)
