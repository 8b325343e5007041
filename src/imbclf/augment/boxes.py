"""Rectangles in images, as masks."""

import torch
from torch import Tensor


def inside(
    centres: tuple[Tensor, Tensor],
    sides: tuple[Tensor | int, Tensor | int],
    height: int,
    width: int,
) -> Tensor:
    """Say which pixels lie in each image's rectangle, bool `[N, H, W]`.

    A rectangle reaches from centre - side // 2, is `side` long, and is cut off at the border.

    Args:
        centres: rows and columns, int64 `[N]` each.
        sides: height and width of the rectangles in pixels, int64 `[N]` each or one for all.
        height: of the images.
        width: of the images.

    >>> inside((torch.tensor([0]), torch.tensor([1])), (2, 2), 2, 4).int().tolist()
    [[[1, 1, 0, 0], [0, 0, 0, 0]]]
    """
    rows, columns = (
        _within(centre, side, length)
        for centre, side, length in zip(centres, sides, (height, width), strict=True)
    )
    return rows[:, :, None] & columns[:, None, :]


def _within(centre: Tensor, side: Tensor | int, length: int) -> Tensor:
    start = centre - side // 2
    places = torch.arange(length, device=centre.device)
    return (places >= start[:, None]) & (places < (start + side)[:, None])
