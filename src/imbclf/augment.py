"""Random changes to whole batches of images, on whatever device they lie.

Every function takes uint8 images `[N, H, W, 3]` and gives the same back. What is drawn for an
image depends on nothing but the seed, the epoch and the image's own index, so an interrupted run
that goes on sees what an uninterrupted one would have seen, in batches of any composition.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from imbclf.errors import UserError

Flip = Literal["none", "random", "alternating"]


def hash_indices(indices: Tensor, seed: int, stream: int) -> Tensor:
    """Mix each index with a seed and a stream number into 32 random bits, int64 `[N]`.

    The finaliser of MurmurHash3 (Appleby 2011), whose arithmetic is the same on every device.

    >>> hash_indices(torch.arange(3), seed=0, stream=0).unique().numel()
    3
    """
    mask = 0xFFFFFFFF
    bits = (indices.long() * 0x9E3779B1 + seed * 0x85EBCA77 + stream * 0xC2B2AE3D) & mask
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        bits = ((bits ^ (bits >> shift)) * factor) & mask
    return bits


def flip_where(images: Tensor, chosen: Tensor) -> Tensor:
    """Mirror left to right those images `[N, H, W, 3]` whose entry in bool `chosen` `[N]` is set.

    >>> image = torch.tensor([[[[1], [2]]]])
    >>> flip_where(image, torch.tensor([True])).flatten().tolist()
    [2, 1]
    """
    return torch.where(chosen[:, None, None, None], images.flip(2), images)


def flips(indices: Tensor, epoch: int, seed: int, flip: Flip) -> Tensor:
    """Say which images to mirror in this epoch, bool `[N]`.

    `random` draws afresh each epoch; `alternating` draws once and then mirrors every other epoch,
    so that two epochs show both sides of every image (Jordan 2024, airbench).

    >>> i = torch.arange(100)
    >>> first, second = (flips(i, epoch, 0, "alternating") for epoch in (0, 1))
    >>> bool((first ^ second).all())
    True
    """
    if flip == "none":
        return torch.zeros(len(indices), dtype=torch.bool, device=indices.device)
    if flip == "random":
        return (hash_indices(indices, seed, 2 * epoch) & 1).bool()
    return ((hash_indices(indices, seed, 0) + epoch) & 1).bool()


def shift(images: Tensor, indices: Tensor, epoch: int, seed: int, pixels: int) -> Tensor:
    """Move each image by up to `pixels` in both directions, its border filled by reflection.

    The offsets are uniform over the (2 pixels + 1)^2 positions of a crop from the padded image.

    >>> batch = torch.arange(2 * 8 * 8 * 3, dtype=torch.uint8).view(2, 8, 8, 3)
    >>> shift(batch, torch.arange(2), epoch=0, seed=0, pixels=2).shape
    torch.Size([2, 8, 8, 3])
    """
    count, height, width, _ = images.shape
    padded = functional.pad(images.permute(0, 3, 1, 2).float(), [pixels] * 4, mode="reflect")
    padded = padded.to(images.dtype).permute(0, 2, 3, 1)
    positions = 2 * pixels + 1
    drawn = hash_indices(indices, seed, 2 * epoch + 1)
    device = images.device
    rows = (drawn % positions)[:, None] + torch.arange(height, device=device)
    columns = (drawn // 0x10000 % positions)[:, None] + torch.arange(width, device=device)
    image = torch.arange(count, device=device)[:, None, None]
    return padded[image, rows[:, :, None], columns[:, None, :]]


@dataclass(frozen=True)
class Augmentation:
    """What training batches go through: mirroring, and a padded random shift.

    Args:
        flip: `none`, `random` or `alternating`.
        shift: largest shift in pixels; 0 for none.
        seed: with the epoch and an image's index, all that the draws depend on.

    Raises:
        UserError: where an option is out of range.
    """

    flip: Flip = "random"
    shift: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.flip not in ("none", "random", "alternating"):
            raise UserError(f"data.flip={self.flip}: expected none, random or alternating")
        if self.shift < 0:
            raise UserError(f"data.shift={self.shift}: expected 0 or more pixels")

    def __call__(self, images: Tensor, indices: Tensor, epoch: int) -> Tensor:
        """Augment the images `[N, H, W, 3]` of the data set's rows `indices` `[N]`."""
        if self.shift:
            images = shift(images, indices, epoch, self.seed, self.shift)
        if self.flip == "none":
            return images
        return flip_where(images, flips(indices, epoch, self.seed, self.flip))
