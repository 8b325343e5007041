"""Faster convolutions: CPU kernels for small feature maps, and fused batch norms."""

from torch import nn

from imbclf.models.fast_conv.batchnorm_fusion import fuse_batch_norms
from imbclf.models.fast_conv.kernels import use_small_map_kernels


def fast_network(network: nn.Module, fuse_norms: bool = False) -> nn.Module:
    """Return a network with faster convolutions; its outputs differ by rounding alone.

    `network` stays unchanged and shares all parameters but fused ones. The option
    `model.fast_conv` turns this on.

    Args:
        network: any module.
        fuse_norms: whether to fuse batch norms into convolutions; the network has to be in
            evaluation mode, and its weights must not change afterwards.

    >>> network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)).eval()
    >>> fast = fast_network(network)
    >>> fast[0].weight is network[0].weight
    True
    >>> [type(layer).__name__ for layer in fast_network(network, fuse_norms=True)]
    ['DenseConv2d', 'Identity']
    """
    network = use_small_map_kernels(network)
    return fuse_batch_norms(network) if fuse_norms else network


__all__ = ["fast_network"]
