"""First filters drawn from the images themselves, without labels.

With a few thousand images, a convolutional network needs much of its training for its first
filters, while whitened patches of the images are good filters from the start (Coates & Ng, ICML
2011; as an initialization, Krähenbühl et al., Data-dependent initializations, ICLR 2016).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WHITENING = 0.1
PATCHES = 50_000
FEWEST_IMAGES = 200


def patch_filters(patches: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw `count` patches, with replacement, as filters for whitened patches.

    With patches of mean m and covariance C, W = (C + 0.1)^(-1/2) whitens them; a filter is the
    direction d of a whitened patch, and its response to a patch p is d . W (p - m).

    Args:
        patches: float32 [M, D], M at least 2.
        count: K.
        generator: source of randomness.

    Returns:
        Filters d W, float32 [K, D], and offsets -d . W m, float32 [K].

    >>> draws = torch.Generator().manual_seed(0)
    >>> filters, offsets = patch_filters(torch.randn(50, 12), 5, draws)
    >>> filters.shape, offsets.shape
    (torch.Size([5, 12]), torch.Size([5]))
    """
    mean = patches.mean(dim=0)
    values, vectors = torch.linalg.eigh(torch.cov(patches.T))
    whitening = vectors * (values.clamp_min(0) + WHITENING).rsqrt() @ vectors.T
    drawn = torch.randint(len(patches), (count,), generator=generator).to(patches.device)
    directions = F.normalize((patches[drawn] - mean) @ whitening)
    filters = directions @ whitening
    return filters, -filters @ mean


def first_convolution(network: nn.Module) -> nn.Conv2d | None:
    """Return the convolution that reads the images, or None.

    >>> first_convolution(nn.Sequential(nn.Conv2d(3, 8, 7), nn.Conv2d(8, 8, 3)))
    Conv2d(3, 8, kernel_size=(7, 7), stride=(1, 1))
    """
    layers = (layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
    first = next(layers, None)
    return first if first is not None and first.weight.shape[1] == 3 else None


@torch.no_grad()
def start_from_patches(network: nn.Module, pixels: Tensor, seed: int) -> None:
    """Set the filters of the first convolution to whitened patches of the images.

    Their responses to patches have variance 1 and, if the convolution has a bias, mean 0.
    A network without such a convolution stays unchanged.

    Args:
        network: on the device of `pixels`.
        pixels: normalized images [N, 3, H, W].
        seed: of the choice of patches.
    """
    convolution = first_convolution(network)
    if convolution is None:
        return
    height, width = (int(side) for side in convolution.kernel_size)
    per_image = (pixels.shape[2] // height) * (pixels.shape[3] // width)
    images = max(FEWEST_IMAGES, -(-PATCHES // max(1, per_image)))
    # A random subset: images may be sorted by class.
    order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(seed))
    some = pixels[order[:images].sort().values.to(pixels.device)]
    cut = F.unfold(some.float(), (height, width), stride=(height, width))
    patches = cut.transpose(1, 2).flatten(0, 1)
    generator = torch.Generator().manual_seed(seed)
    filters, offsets = patch_filters(patches, convolution.out_channels, generator)
    spread = (patches @ filters.T).std(dim=0).clamp_min(1e-6)
    convolution.weight.copy_((filters / spread[:, None]).view_as(convolution.weight))
    if convolution.bias is not None:
        convolution.bias.copy_(offsets / spread)
