"""Cutout: cover a square of each image."""

from torch import Tensor

from imbclf.augment.rectangles import paste


def cut_out(images: Tensor, centers: tuple[Tensor, Tensor], side: int) -> Tensor:
    """Return images with a square covered by the image's mean color.

    The square is clipped at the border, as in DeVries and Taylor, Improved Regularization of
    Convolutional Neural Networks with Cutout, 2017, where clipping was found to matter.

    Args:
        images: `[N, H, W, 3]`; the mean is rounded for integer dtypes.
        centers: rows and columns of the squares' centers, int64 `[N]` each.
        side: side of the squares, in pixels.

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
