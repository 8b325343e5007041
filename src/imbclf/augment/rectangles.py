"""Pasting of rectangles between images."""

import torch
from torch import Tensor


def paste(
    images: Tensor,
    others: Tensor,
    centers: tuple[Tensor, Tensor],
    sides: tuple[Tensor | int, Tensor | int],
) -> tuple[Tensor, Tensor]:
    """Return images with a rectangle replaced by the same rectangle of other images.

    The rectangle starts at center - side // 2, is `side` long, and is clipped at the border.

    Args:
        images: `[N, H, W, 3]`.
        others: same dtype, `[N, H, W, 3]`, or `[N, 1, W, 3]` if all rows are the same.
        centers: rows and columns, int64 `[N]` each.
        sides: height and width of the rectangles in pixels, int64 `[N]` each, or one for all.

    Returns:
        Images `[N, H, W, 3]`, and the share of pixels kept in each, float32 `[N]`.

    >>> black, white = torch.zeros(1, 2, 4, 1), torch.ones(1, 2, 4, 1)
    >>> filled, kept = paste(black, white, (torch.tensor([0]), torch.tensor([1])), (2, 2))
    >>> filled[..., 0].int().tolist(), kept
    ([[[1, 1, 0, 0], [0, 0, 0, 0]]], tensor([0.7500]))
    """
    _, height, width, colors = images.shape
    rows, columns = (
        _within(center, side, length)
        for center, side, length in zip(centers, sides, (height, width), strict=True)
    )
    # Columns and colors in one dimension: several times faster than a last dimension of three.
    inside = rows[:, :, None] & columns.repeat_interleave(colors, 1)[:, None, :]
    filled = torch.where(inside, others.flatten(2), images.flatten(2)).view_as(images)
    return filled, 1 - rows.sum(1) * columns.sum(1) / (height * width)


def _within(center: Tensor, side: Tensor | int, length: int) -> Tensor:
    start = center - side // 2
    places = torch.arange(length, device=center.device)
    return (places >= start[:, None]) & (places < (start + side)[:, None])
