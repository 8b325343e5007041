"""Geometric transforms: flip, shift, zoom and rotation."""

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from imbclf.augment.random_draws import Draw, Draws

Flip = Literal["none", "random", "alternating"]


def flip_where(images: Tensor, chosen: Tensor) -> Tensor:
    """Return images `[N, H, W, 3]`, mirrored left to right where bool `chosen` `[N]` is True.

    >>> image = torch.tensor([[[[1], [2]]]])
    >>> flip_where(image, torch.tensor([True])).flatten().tolist()
    [2, 1]
    """
    # Copying whole images is several times faster than selecting pixels with a mask.
    both = torch.cat([images, images.flip(2)])
    place = torch.arange(len(images), device=images.device) + len(images) * chosen
    return both.index_select(0, place)


def draw_flips(draws: Draws, flip: Flip) -> Tensor:
    """Draw which images to mirror in this epoch, bool `[N]`.

    `random` draws anew in each epoch; `alternating` draws once and then mirrors every other epoch,
    so that two epochs show both versions of each image (Jordan 2024, airbench).

    >>> rows = torch.arange(100)
    >>> first, second = (draw_flips(Draws(rows, 0, e, batch=e), "alternating") for e in (0, 1))
    >>> bool((first ^ second).all())
    True
    """
    if flip == "none":
        return torch.zeros(len(draws.rows), dtype=torch.bool, device=draws.rows.device)
    if flip == "random":
        return (draws.bits(Draw.FLIP) & 1).bool()
    return (
        (Draws(draws.rows, draws.seed, epoch=0, batch=0).bits(Draw.FLIP) + draws.epoch) & 1
    ).bool()


def shift(images: Tensor, draws: Draws, pixels: int) -> Tensor:
    """Return images shifted by at most `pixels` in each direction, padded by reflection.

    Offsets are uniform over the (2 pixels + 1)^2 crops of the padded image; `pixels` must be less
    than the sides of the image.

    >>> batch = torch.arange(2 * 8 * 8 * 3, dtype=torch.uint8).view(2, 8, 8, 3)
    >>> shift(batch, Draws(torch.arange(2), seed=0, epoch=0, batch=0), pixels=2).shape
    torch.Size([2, 8, 8, 3])
    """
    count, height, width, colors = images.shape
    image = torch.arange(count, device=images.device)
    rows, columns = (
        _reflected(offset - pixels, side)
        for offset, side in zip(
            draws.pixels(Draw.SHIFT, 2 * pixels + 1, 2 * pixels + 1), (height, width), strict=True
        )
    )
    # images[image, row, column], several times faster.
    place = (image[:, None, None] * height + rows[:, :, None]) * width + columns[:, None]
    return images.reshape(-1, colors).index_select(0, place.flatten()).view_as(images)


def _reflected(offset: Tensor, side: int) -> Tensor:
    """Return the positions 0 to side - 1 shifted by each offset, reflected at the border."""
    moved = (offset[:, None] + torch.arange(side, device=offset.device)).abs()
    return (side - 1) - ((side - 1) - moved).abs()


def draw_crop_boxes(draws: Draws, smallest: float) -> Tensor:
    """Draw the crop of each image that is resized to fill it: x, y, width, height `[N, 4]`.

    Values are float32, in shares of the image's sides. The area is uniform in `smallest` to 1, the
    aspect ratio relative to the image log-uniform in 3/4 to 4/3, the position uniform. Sides are
    clipped to those of the image (Szegedy et al. 2015, without rejection sampling). With `smallest`
    = 1 the crop is the whole image.

    >>> draw_crop_boxes(Draws(torch.arange(2), seed=0, epoch=0, batch=0), smallest=0.5).shape
    torch.Size([2, 4])
    """
    area = draws.uniform(Draw.AREA, smallest, 1.0)
    widest = math.log(4 / 3) if smallest < 1 else 0.0
    aspect = draws.uniform(Draw.ASPECT, -widest, widest).exp()
    width, height = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
    left = draws.uniform(Draw.CROP_X) * (1 - width)
    top = draws.uniform(Draw.CROP_Y) * (1 - height)
    return torch.stack([left, top, width, height], dim=1)


def warp(images: Tensor, boxes: Tensor, degrees: Tensor) -> Tensor:
    """Return images rotated about their center, then cropped and resized, in one bilinear sampling.

    Pixels outside the image are filled by reflection.

    Args:
        images: `[N, H, W, 3]`; the result is rounded for integer dtypes.
        boxes: crop x, y, width, height, in shares of the rotated image's sides, `[N, 4]`.
        degrees: clockwise angles, `[N]`.

    >>> image = torch.tensor([[[[1.0], [2.0]], [[3.0], [4.0]]]])
    >>> turned = warp(image, torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([90.0]))
    >>> turned[0, :, :, 0].round().tolist()
    [[3.0, 1.0], [4.0, 2.0]]
    """
    _, height, width, _ = images.shape
    cos, sin = degrees.deg2rad().cos(), degrees.deg2rad().sin()
    # Columns: a step right, a step down and the center of the output, in the coordinates of the
    # input image, which are -1 to 1 in both directions.
    tall = height / width
    turn = torch.stack([cos, sin * tall, -sin / tall, cos], dim=1).view(-1, 2, 2)
    steps = turn * boxes[:, None, 2:]
    center = (turn * (2 * boxes[:, :2] + boxes[:, 2:] - 1)[:, None]).sum(2)
    across, down = (
        (2 * torch.arange(side, device=images.device) + 1) / side - 1 for side in (width, height)
    )
    along = across[None, :, None] * steps[:, None, :, 0] + center[:, None]
    grid = along[:, None] + (down[None, :, None] * steps[:, None, :, 1])[:, :, None]
    pixels = images.permute(0, 3, 1, 2).to(grid.dtype)
    sampled = functional.grid_sample(pixels, grid, "bilinear", "reflection", align_corners=False)
    sampled = sampled.permute(0, 2, 3, 1).contiguous()
    return sampled if images.is_floating_point() else sampled.add_(0.5).to(images.dtype)
