"""How the images of an epoch are cut into batches, on one device or several."""

import math
from collections.abc import Iterator

import numpy as np
from torch.utils.data import BatchSampler

from imbclf.errors import UserError
from imbclf.samplers import IndexSampler


class IndexBatches(BatchSampler):
    """Cuts an epoch into batches of equal size, up to one image, and takes one device's share.

    No image is dropped, and no small last batch upsets batch normalisation. The batches of all
    devices together are the batches of one device with `batch_size * world_size`.

    Args:
        sampler: draws the positions.
        batch_size: images per batch and device, at most.
        rank: number of this device.
        world_size: number of devices.

    Raises:
        UserError: a device would be left without an image.

    >>> from imbclf.samplers import ShuffleSampler
    >>> batches = IndexBatches(ShuffleSampler(np.ones(10, dtype=np.int64), seed=0), batch_size=4)
    >>> [len(batch) for batch in batches]
    [4, 3, 3]
    """

    sampler: IndexSampler

    def __init__(
        self, sampler: IndexSampler, batch_size: int, rank: int = 0, world_size: int = 1
    ) -> None:
        super().__init__(sampler, batch_size, drop_last=False)
        self.rank, self.world_size = rank, world_size
        if len(sampler) < len(self) * world_size:
            raise UserError(
                f"data.batch_size={batch_size} leaves one of {world_size} devices without an image "
                f"in some batch of {len(sampler)} images. Choose fewer devices or larger batches."
            )

    def __len__(self) -> int:
        return math.ceil(len(self.sampler) / (self.batch_size * self.world_size))

    def __iter__(self) -> Iterator[list[int]]:
        for batch in np.array_split(self.sampler.draw(), len(self)):
            yield batch[self.rank :: self.world_size].tolist()
