"""Parts of an experiment that do not go together, refused before anything is decoded."""

from pathlib import Path

from torch import nn

from imbclf.backbones import Backbone
from imbclf.errors import UserError
from imbclf.heads import Head
from imbclf.listing import Listing
from imbclf.recipe import CrossValidation
from imbclf.splits import Fold
from imbclf.transfer import check_start, start_weights


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


def check_training(head: Head, loss: nn.Module, epochs: int | None) -> None:
    """Refuse a head, a loss and a number of epochs that do not go together.

    Raises:
        UserError: says which option to change.
    """
    name = head.entry["name"]
    if head.is_trained and epochs == 0:
        raise UserError(
            f"trainer.max_epochs=0: head={name} has to be trained. For no training choose "
            "head=neighbours or head=mahalanobis."
        )
    if not head.is_trained and epochs != 0:
        raise UserError(
            f"trainer.max_epochs={epochs}: head={name} takes features as they are, and no gradient "
            "would make them better. Set trainer.max_epochs=0, or choose head=hypersphere."
        )
    needed = getattr(loss, "needs_head", name)
    if name != needed:
        raise UserError(f"loss: {type(loss).__name__} needs head={needed}, not head={name}.")
