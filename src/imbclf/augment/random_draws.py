"""Stateless random draws for each image of a batch."""

from dataclasses import dataclass
from enum import IntEnum, auto

from torch import Tensor


class Draw(IntEnum):
    """The draws for an image, each with independent random bits."""

    FLIP = 0
    SHIFT = auto()
    AREA = auto()
    ASPECT = auto()
    CROP_X = auto()
    CROP_Y = auto()
    ANGLE = auto()
    BRIGHTNESS = auto()
    CONTRAST = auto()
    SATURATION = auto()
    CUTOUT = auto()
    PARTNER = auto()
    SHARE = auto()
    BOX = auto()
    MIXING = auto()


def hash_indices(indices: Tensor, seed: int, stream: int) -> Tensor:
    """Return 32 random bits for each index, given a seed and a stream number, int64 `[N]`.

    It is the finalizer of MurmurHash3 (Appleby 2011), whose result is the same on every device.

    >>> import torch
    >>> hash_indices(torch.arange(3), seed=0, stream=0).unique().numel()
    3
    """
    mask = 0xFFFFFFFF
    bits = (indices.long() * 0x9E3779B1 + seed * 0x85EBCA77 + stream * 0xC2B2AE3D) & mask
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        bits = ((bits ^ (bits >> shift)) * factor) & mask
    return bits


@dataclass(frozen=True)
class Draws:
    """Random draws for the images of one batch.

    Draws depend on the number of the batch, since a sampler may repeat an image within an epoch.

    Args:
        rows: indices of the images in the data set, int64 `[N]`.
        seed: 0 or more, below 2^31.
        epoch: from 0.
        batch: number of the batch since training began, from 0.

    >>> import torch
    >>> here = Draws(torch.tensor([3, 5]), seed=0, epoch=1, batch=7)
    >>> there = Draws(torch.tensor([5, 8]), seed=0, epoch=1, batch=7)
    >>> bool(here.bits(Draw.ANGLE)[1] == there.bits(Draw.ANGLE)[0])
    True
    """

    rows: Tensor
    seed: int
    epoch: int
    batch: int

    def bits(self, what: Draw) -> Tensor:
        """Return 32 random bits for each image, int64 `[N]`."""
        return hash_indices(self.rows, self.seed, len(Draw) * self.batch + what)

    def uniform(self, what: Draw, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Return a uniform number from `low` to `high` for each image, float32 `[N]`."""
        # float32 holds 24 bits exactly; float64 is not available on every device.
        return low + (high - low) * ((self.bits(what) >> 8).float() / 0x1000000)

    def pixels(self, what: Draw, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Return a random pixel position for each image: rows and columns, int64 `[N]` each."""
        bits = self.bits(what)
        return bits % 0x10000 * height // 0x10000, (bits // 0x10000) * width // 0x10000
