"""Random changes to whole training batches, on whatever device they lie.

`Augmentation` says what is done, `FoldAugmentation` does it; the other modules hold the steps as
plain functions of what was drawn. What is drawn for an image depends on nothing but the seed, the
batch's number and the image's own index, so an interrupted run that goes on sees what an
uninterrupted one would have seen. Only whom an image is mixed with depends on who is in the batch.
"""

from imbclf.augment.options import Augmentation
from imbclf.augment.pipeline import FoldAugmentation

__all__ = ["Augmentation", "FoldAugmentation"]
