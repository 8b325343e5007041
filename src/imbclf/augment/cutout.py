"""A square of each image covered."""

import torch
from torch import Tensor

from imbclf.augment.boxes import inside


def cut_out(images: Tensor, centres: tuple[Tensor, Tensor], side: int) -> Tensor:
    """Cover a square of each image with that image's mean colour.

    The square is cut off at the border, as in DeVries and Taylor, Improved Regularization of
    Convolutional Neural Networks with Cutout, 2017, which found that it should be.

    Args:
        images: `[N, H, W, 3]`; of uint8 the mean is rounded.
        centres: rows and columns of the squares' centres, int64 `[N]` each.
        side: of the squares, in pixels.

    >>> image = torch.tensor([[[[0.0], [2.0]], [[4.0], [6.0]]]])
    >>> cut_out(image, (torch.tensor([0]), torch.tensor([1])), side=1).flatten().tolist()
    [0.0, 3.0, 4.0, 6.0]
    """
    _, height, width, _ = images.shape
    mean = images.float().mean((1, 2))
    if not images.is_floating_point():
        mean = mean.round()
    covered = inside(centres, (side, side), height, width)
    return torch.where(covered[..., None], mean.to(images.dtype)[:, None, None], images)
