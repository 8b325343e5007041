"""Parts of an experiment that do not go together, refused before anything is decoded."""

from math import ceil
from pathlib import Path

from torch import nn

from imbclf.data.listing import Listing
from imbclf.data.splits import Fold
from imbclf.errors import UserError
from imbclf.models.backbone import Backbone
from imbclf.models.heads import Head
from imbclf.training.cross_validation import CrossValidation
from imbclf.training.start_from import check_start, start_weights


def check_start_of_folds(
    cv: CrossValidation, folds: list[Fold], listing: Listing, backbone: Backbone
) -> None:
    """Refuse to go on from folds that are not there, do not fit or saw what is to judge them.

    Raises:
        UserError: as `check_start` and `start_weights`.
    """
    if cv.start_from is not None:
        for number in cv.trained:
            earlier = Path(cv.start_from)
            check_start(earlier, folds[number], number, cv.folds, listing.files)
            start_weights(earlier, number, backbone)


def check_batch(batch_size: int, devices: int, images: int) -> None:
    """Refuse batches that no fold can fill: an epoch of one step is hardly what was meant.

    Args:
        batch_size: images per step and device.
        devices: that share a step.
        images: that a fold is trained on.

    Raises:
        UserError: says what would work.

    >>> check_batch(64, 1, 40)
    Traceback (most recent call last):
    imbclf.errors.UserError: data.batch_size=64: a fold is trained on 40 images; expected 40 or less
    """
    if batch_size * devices > images:
        each = f" on each of {devices} devices" if devices > 1 else ""
        raise UserError(
            f"data.batch_size={batch_size}{each}: a fold is trained on {images} images; expected "
            f"{images // devices} or less"
        )


def check_limit(limit: int | float, batches: int) -> None:
    """Refuse to train on none of the batches of an epoch.

    Args:
        limit: how many to train on, or, as a float, what share of them.
        batches: of an epoch.

    Raises:
        UserError: says what would work.

    >>> check_limit(0.1, 5)
    Traceback (most recent call last):
    imbclf.errors.UserError: trainer.limit_train_batches=0.1: leaves none of the 5 batches of an \
epoch; expected a whole number from 1 on, or a share from 0.2 to 1.0
    """
    if (limit if isinstance(limit, int) else int(limit * batches)) < 1:
        raise UserError(
            f"trainer.limit_train_batches={limit}: leaves none of the {batches} batches of an "
            "epoch; expected a whole number from 1 on, or a share from "
            f"{ceil(1000 / batches) / 1000} to 1.0"
        )


def check_training(head: Head, loss: nn.Module, epochs: int | None, devices: int) -> None:
    """Refuse a head, a loss, a number of epochs and one of devices that do not go together.

    Raises:
        UserError: says which option to change.
    """
    name = head.entry["name"]
    if epochs is None or epochs < 0:
        raise UserError(
            f"trainer.max_epochs={epochs}: expected a whole number, 1 or more, which schedules of "
            "the learning rate and of losses go by"
        )
    if head.is_trained and epochs == 0:
        raise UserError(
            f"trainer.max_epochs=0: head={name} has to be trained. For no training choose "
            "head=neighbors or head=mahalanobis."
        )
    if not head.is_trained and epochs != 0:
        raise UserError(
            f"trainer.max_epochs={epochs}: head={name} takes features as they are, and no gradient "
            "would make them better. Set trainer.max_epochs=0, or choose head=hypersphere."
        )
    if epochs == 0 and devices > 1:
        raise UserError("trainer.devices: nothing is trained (trainer.max_epochs=0); choose 1")
    needed = getattr(loss, "needs_head", name)
    if name != needed:
        raise UserError(f"loss: {type(loss).__name__} needs head={needed}, not head={name}.")
