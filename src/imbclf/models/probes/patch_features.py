"""A probe on responses to image patches, for a network that starts from random weights.

With a few thousand images a convolutional network barely learns its first filters. Whitened patches
of the images are good filters without any label; the features are their responses, pooled over a
coarse grid (Coates & Ng, ICML 2011; Coates, Lee & Ng, AISTATS 2011).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imbclf.models.patch_init import PATCHES, patch_filters
from imbclf.models.probes.base import Probe

FILTERS = 128
PATCH = 8
STRIDE = 4
GRID = 4
SIDE = 64  # larger images are resized to this, which bounds the cost
THRESHOLD = 0.25
CONTRAST = 0.003  # added to the variance of a patch, to not amplify noise


def shrink(pixels: Tensor) -> Tensor:
    """Resize images [N, 3, H, W] to `SIDE` if they are larger."""
    if max(pixels.shape[2:]) <= SIDE:
        return pixels
    return F.interpolate(pixels, (SIDE, SIDE), mode="bilinear", antialias=True)


def standard_patches(pixels: Tensor) -> Tensor:
    """Cut images into overlapping patches of mean 0 and, except uniform ones, variance 1.

    Args:
        pixels: normalized images [N, 3, H, W].

    Returns:
        float32 [M, 3 * PATCH * PATCH].

    >>> standard_patches(torch.rand(2, 3, 12, 9)).shape  # two rows of one patch each
    torch.Size([4, 192])
    """
    patches = F.unfold(pixels.float(), PATCH, stride=STRIDE).transpose(1, 2).flatten(0, 1)
    variance, mean = torch.var_mean(patches, dim=1, keepdim=True, correction=0)
    return (patches - mean) * (variance + CONTRAST).rsqrt()


def filter_responses(pixels: Tensor, filters: Tensor, offsets: Tensor) -> Tensor:
    """Return f . p + o of each filter f and each standard patch p, [N, K, rows, columns].

    No patch is cut out: for one with mean m and deviation s, f . p is (f . x - m sum f) / s.

    Args:
        pixels: normalized images [N, 3, H, W].
        filters: float32 [K, 3 * PATCH * PATCH].
        offsets: float32 [K].
    """
    gray = pixels.float().mean(dim=1, keepdim=True)
    squares = pixels.float().square().mean(dim=1, keepdim=True)
    mean = F.avg_pool2d(gray, PATCH, STRIDE)
    variance = (F.avg_pool2d(squares, PATCH, STRIDE) - mean**2).clamp_min(0)
    raw = F.conv2d(pixels, filters.view(-1, 3, PATCH, PATCH), stride=STRIDE)
    total = filters.sum(dim=1)[:, None, None]
    return (raw - mean * total) * (variance + CONTRAST).rsqrt() + offsets[:, None, None]


class PatchProbe(Probe):
    """A regression on filter responses, pooled over a grid of 4 x 4 parts of the image.

    A filter's response r gives two features: the roots of the means, over each part, of
    max(0, r - 0.25) and max(0, -r - 0.25). The root keeps a few strong responses from dominating
    the regression (Perronnin, Sanchez & Mensink, ECCV 2010).

    Args:
        kernels: whether the regression is on kernels (`Probe`).

    >>> probe = PatchProbe()
    >>> probe(torch.zeros(1, 3, 64, 64)).tolist()
    [0.0]
    """

    filters: Tensor
    offsets: Tensor

    def __init__(self, kernels: bool = False) -> None:
        super().__init__(2 * FILTERS * GRID * GRID, kernels)
        self.register_buffer("filters", torch.zeros(FILTERS, 3 * PATCH * PATCH))
        self.register_buffer("offsets", torch.zeros(FILTERS))

    def describe(self, pixels: Tensor) -> Tensor:
        """Return the pooled responses, float32 [N, D], to normalized images [N, 3, H, W]."""
        responses = filter_responses(shrink(pixels), self.filters, self.offsets)
        beyond = torch.cat([responses - THRESHOLD, -responses - THRESHOLD], dim=1).relu()
        return F.adaptive_avg_pool2d(beyond, GRID).flatten(1).float().sqrt()

    def learn_features(self, network: nn.Module, pixels: Tensor, seed: int) -> None:  # noqa: ARG002
        """Draw the filters from images [M, 3, H, W]."""
        generator = torch.Generator().manual_seed(seed)
        patches = standard_patches(shrink(pixels))
        drawn = torch.randperm(len(patches), generator=generator)[:PATCHES]
        filters, offsets = patch_filters(patches[drawn.to(patches.device)], FILTERS, generator)
        self.filters.copy_(filters)
        self.offsets.copy_(offsets)
