"""Mixup and CutMix: mix pairs of images of a batch, and their labels.

Each image keeps the larger share, as in MixMatch (Berthelot et al. 2019): lambda = max(l, 1 - l)
with l from Beta(alpha, alpha). Each image is also the partner of another one, so the distribution
of pairs is unchanged, but an image remains mostly the one that the sampler chose, and class
frequencies are kept. Lambda is drawn per image, not per batch, which reduces the variance of the
loss.
"""

from functools import cache

import numpy as np
import torch
from scipy.special import betaincinv
from torch import Tensor

from imbclf.augment.random_draws import Draw, Draws
from imbclf.augment.rectangles import paste

POINTS = 2**12  # of the tabulated quantile function


def draw_partners(draws: Draws) -> Tensor:
    """Draw a partner for each image: a permutation of the batch without fixed points, int64 `[N]`.

    >>> partner = draw_partners(Draws(torch.tensor([8, 3, 5, 9]), seed=0, epoch=0, batch=0))
    >>> partner.sort().values.tolist()
    [0, 1, 2, 3]
    """
    order = draws.bits(Draw.PARTNER).argsort(stable=True)
    partner = torch.empty_like(order)
    # Rolled by half: copies of one image have equal hashes, and would otherwise be partners.
    partner[order] = order.roll(len(order) // 2)
    return partner


def draw_shares(draws: Draws, alpha: float) -> Tensor:
    """Draw the share lambda that each image keeps, in .5 to 1, float32 `[N]`.

    lambda = max(l, 1 - l) with l from Beta(alpha, alpha), by inverse transform sampling with a
    tabulated, linearly interpolated quantile function. The result is the same on every device.

    >>> lambdas = draw_shares(Draws(torch.arange(10_000), seed=0, epoch=0, batch=0), alpha=1.0)
    >>> bool(((lambdas >= 0.5) & (lambdas <= 1)).all()), round(float(lambdas.mean()), 2)
    (True, 0.75)
    """
    table = _upper_quantiles(alpha).to(draws.rows.device)
    place = draws.uniform(Draw.SHARE) * POINTS
    below = place.long()
    return table[below].lerp(table[below + 1], place - below)


@cache
def _upper_quantiles(alpha: float) -> Tensor:
    probabilities = np.linspace(0.5, 1, POINTS + 1)
    return torch.tensor(betaincinv(alpha, alpha, probabilities), dtype=torch.float32)


def mixup(images: Tensor, partner: Tensor, share: Tensor) -> Tensor:
    """Return lambda x_i + (1 - lambda) x_j, floating point `[N, H, W, 3]`.

    Source: Zhang et al., mixup: Beyond Empirical Risk Minimization, ICLR 2018.

    Args:
        images: `[N, H, W, 3]`.
        partner: j for each i, int64 `[N]`.
        share: lambda of each i, `[N]`.

    >>> images = torch.tensor([0.0, 8.0]).view(2, 1, 1, 1)
    >>> mixup(images, torch.tensor([1, 0]), torch.tensor([0.75, 1.0])).flatten().tolist()
    [2.0, 8.0]
    """
    pixels = images.to(share.dtype)
    return torch.lerp(pixels[partner], pixels, share[:, None, None, None])


def cutmix(
    images: Tensor, partner: Tensor, share: Tensor, centers: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Return images with a rectangle of their partner pasted in, and the share of pixels kept.

    The rectangle has the aspect ratio of the image and 1 - lambda of its area. As it is clipped at
    the border, the share kept may be above lambda. Source: Yun et al., CutMix, ICCV 2019.

    Args:
        images: `[N, H, W, 3]`.
        partner: j for each i, int64 `[N]`.
        share: lambda of each i, `[N]`.
        centers: rows and columns of the rectangles' centers, int64 `[N]` each.

    Returns:
        Images `[N, H, W, 3]` of the same dtype, and the shares kept, float32 `[N]`.

    >>> images = torch.arange(2).view(2, 1, 1, 1).expand(2, 4, 4, 3)
    >>> centers = (torch.tensor([2, 0]), torch.tensor([2, 0]))
    >>> cutmix(images, torch.tensor([1, 0]), torch.tensor([0.75, 0.75]), centers)[1]
    tensor([0.7500, 0.9375])
    """
    _, height, width, _ = images.shape
    ratio = (1 - share).sqrt()
    sides = ((ratio * height).round().long(), (ratio * width).round().long())
    return paste(images, images[partner], centers, sides)


def mix_labels(labels: Tensor, partner: Tensor, share: Tensor) -> Tensor:
    """Return lambda y_i + (1 - lambda) y_j, float32 `[N]`.

    >>> mix_labels(torch.tensor([0, 1]), torch.tensor([1, 0]), torch.tensor([0.75, 0.5]))
    tensor([0.2500, 0.5000])
    """
    targets = labels.float()
    return torch.lerp(targets[partner], targets, share)
