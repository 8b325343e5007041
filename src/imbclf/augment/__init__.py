"""Augmentation of training batches, on any device.

`Augmentation` holds the options, `FoldAugmentation` applies them; the other modules implement the
steps as functions of random draws. The draws for an image depend only on the seed, the number of
the batch and the index of the image, so a resumed run is the same as an uninterrupted one. Only the
partner that an image is mixed with depends on the other images of the batch.
"""

from imbclf.augment.options import Augmentation
from imbclf.augment.own_augmentation import FoldOwnAugmentation, OwnAugmentation
from imbclf.augment.pipeline import FoldAugmentation


def augmentation_of_fold(
    options: Augmentation | OwnAugmentation, seed: int, class_counts: tuple[int, int]
) -> FoldAugmentation | FoldOwnAugmentation:
    """Return the augmentation of the training batches of one fold."""
    if isinstance(options, OwnAugmentation):
        return FoldOwnAugmentation(options, seed)
    return FoldAugmentation(options, seed, class_counts)


__all__ = [
    "Augmentation",
    "FoldAugmentation",
    "FoldOwnAugmentation",
    "OwnAugmentation",
    "augmentation_of_fold",
]
