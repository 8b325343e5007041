"""A square of each image covered."""

from torch import Tensor

from imbclf.augment.rectangles import paste


def cut_out(images: Tensor, centers: tuple[Tensor, Tensor], side: int) -> Tensor:
    """Cover a square of each image with that image's mean color.

    The square is cut off at the border, as in DeVries and Taylor, Improved Regularization of
    Convolutional Neural Networks with Cutout, 2017, which found that it should be.

    Args:
        images: `[N, H, W, 3]`; of uint8 the mean is rounded.
        centers: rows and columns of the squares' centers, int64 `[N]` each.
        side: of the squares, in pixels.

    >>> import torch
    >>> image = torch.tensor([[[[0.0], [2.0]], [[4.0], [6.0]]]])
    >>> cut_out(image, (torch.tensor([0]), torch.tensor([1])), side=1).flatten().tolist()
    [0.0, 3.0, 4.0, 6.0]
    """
    mean = images.float().mean((1, 2), keepdim=True)
    if not images.is_floating_point():
        mean = mean.round()
    cover = mean.to(images.dtype).expand(-1, -1, images.shape[2], -1)
    covered, _ = paste(images, cover, centers, (side, side))
    return covered
