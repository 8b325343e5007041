"""Divide the images of an epoch into batches, on one device or several."""

from collections.abc import Iterator

from torch.utils.data import BatchSampler

from imbclf.samplers import IndexSampler


class IndexBatches(BatchSampler):
    """Yield one device's share of the batches of an epoch.

    Their sizes differ by at most one image: no image is dropped, and no small last batch disturbs
    batch normalization. The batches of all devices together are the batches of one device with
    `batch_size * world_size`.

    Args:
        sampler: draws the positions.
        batch_size: images per batch and device, at most.
        rank: number of this device.
        world_size: number of devices.

    Raises:
        UserError: a device would get no image, or would lack an image that it needs.

    >>> import numpy as np
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
        self._count = sampler.batch_count(batch_size, world_size)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.sampler.batches(self.batch_size, self.world_size):
            yield batch[self.rank :: self.world_size].tolist()
