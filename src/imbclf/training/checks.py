"""Checks whether the parts of an experiment fit together, before anything is decoded."""

from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from imbclf.data.listing import Listing
from imbclf.data.splits import Fold
from imbclf.errors import UserError
from imbclf.models.backbone import Backbone
from imbclf.models.heads import Head, LogitHead, OneClassHead
from imbclf.training.cross_validation import CrossValidation
from imbclf.training.start_from import check_start, start_weights


def check_start_of_folds(
    cv: CrossValidation, folds: list[Fold], listing: Listing, backbone: Backbone
) -> None:
    """Check that each fold can start from the same fold of the earlier run.

    Raises:
        UserError: as `check_start` and `start_weights`.
    """
    if cv.start_from is not None:
        for number in cv.trained:
            earlier = Path(cv.start_from)
            check_start(earlier, folds[number], number, cv.folds, listing.files)
            start_weights(earlier, number, backbone)


def check_one_class(head: Head, labels: NDArray[np.int64], label_names: tuple[str, str]) -> None:
    """Check that a head which needs both labels is trained on both.

    Args:
        head: of the network.
        labels: of a fit part.
        label_names: how the user spells them.

    Raises:
        UserError: all are the same, and the head is no one-class head.
    """
    if len(np.unique(labels)) == 1 and not isinstance(head, OneClassHead):
        raise UserError(
            f"head={head.entry['name']}: the fit part has images of label "
            f"{label_names[int(labels[0])]} alone, which suits the one-class heads: head=neighbors "
            "or head=mahalanobis with trainer.max_epochs=0 and loss=bce, or experiment=one_class. "
            "Or pool all images and divide them anew: data.part=none"
        )


def check_batch(batch_size: int, devices: int, images: int) -> None:
    """Check that a batch is no larger than the fit part.

    Args:
        batch_size: images per step and device.
        devices: that share a step.
        images: of the fit part.

    Raises:
        UserError: it is larger; the message names the largest size.

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
    """Check that an epoch has at least one batch.

    Args:
        limit: number of batches to train on or, as a float, share of them.
        batches: of an epoch.

    Raises:
        UserError: it has none; the message names the limits that work.

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
    """Check that head, loss, number of epochs and number of devices fit together.

    Raises:
        UserError: they do not; the message names the option to change.
    """
    name = head.entry["name"]
    if epochs is None or epochs < 0:
        raise UserError(
            f"trainer.max_epochs={epochs}: expected a whole number, 1 or more, on which the "
            "schedules of the learning rate and the loss depend"
        )
    if head.is_trained and epochs == 0:
        raise UserError(
            f"trainer.max_epochs=0: head={name} has to be trained. For no training choose "
            "head=logistic, head=neighbors or head=mahalanobis."
        )
    if not head.is_trained and epochs != 0:
        other = "linear" if head.takes_stages else "hypersphere"
        raise UserError(
            f"trainer.max_epochs={epochs}: head={name} uses fixed features and has nothing to "
            f"train. Set trainer.max_epochs=0, or choose head={other}."
        )
    if epochs == 0 and devices > 1:
        raise UserError("trainer.devices: nothing is trained (trainer.max_epochs=0); choose 1")
    needed = getattr(loss, "needs_head", name)
    if name != needed:
        raise UserError(f"loss: {type(loss).__name__} needs head={needed}, not head={name}.")


def check_freezing(frozen: float, backbone: Backbone) -> None:
    """Check that something is trained while the backbone is frozen.

    Raises:
        UserError: the network returns logits itself, so that nothing is.
    """
    if frozen > 0 and backbone.is_pretrained and isinstance(backbone.head, LogitHead):
        raise UserError(
            f"optim.frozen={frozen}: {backbone.architecture['name']} returns logits itself, and "
            "frozen it would have nothing to train. Set optim.frozen=0, or let it return the "
            "features before its last layer"
        )


def check_frozen(backbone: Backbone, start_from: str | None) -> None:
    """Check that there is one pretrained network for all folds, if the head needs it.

    Raises:
        UserError: there is none; the message names the option to change.
    """
    head: Head = backbone.head
    if not head.takes_stages:
        return
    name = head.entry["name"]
    if start_from is not None:
        raise UserError(
            f"cv.start_from={start_from}: head={name} is fitted to one network for all folds, and "
            "those of a run differ; leave cv.start_from out"
        )
    if not backbone.is_pretrained and backbone.architecture.get("source") != "own":
        raise UserError(
            f"model.weights=null: head={name} does not train the network, whose random weights "
            "tell little. Set model.weights=DEFAULT or a file, or train: experiment=best"
        )
