"""Networks made for large images meet small ones: convolutions that are quick there."""

from torch import nn

from imbclf.models.fast_conv.dense import DenseConv2d
from imbclf.models.fast_conv.depthwise import DepthwiseConv2d


def use_small_map_convolutions(network: nn.Module) -> None:
    """Turn each convolution that can be one into a dense or depthwise convolution, in place.

    They have the parameters that they had, and give the same but for rounding.

    >>> network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 1))
    >>> use_small_map_convolutions(network)
    >>> [type(layer).__name__ for layer in network]
    ['DenseConv2d', 'Conv2d']
    """
    for layer in network.modules():
        if type(layer) is nn.Conv2d and _pads_by_half(layer):
            if layer.groups == 1 and layer.stride == (1, 1):
                layer.__class__ = DenseConv2d
            elif layer.groups == layer.in_channels == layer.out_channels:
                layer.__class__ = DepthwiseConv2d


def use_plain_convolutions(network: nn.Module) -> None:
    """Turn them back into `nn.Conv2d`, in place, for who knows no other.

    >>> network = nn.Sequential(DenseConv2d(3, 8, 3, padding=1))
    >>> use_plain_convolutions(network)
    >>> type(network[0]).__name__
    'Conv2d'
    """
    quick: list[nn.Module] = [
        layer for layer in network.modules() if type(layer) in (DenseConv2d, DepthwiseConv2d)
    ]
    for layer in quick:
        layer.__class__ = nn.Conv2d


def _pads_by_half(layer: nn.Conv2d) -> bool:
    return (
        layer.dilation == (1, 1)
        and layer.padding_mode == "zeros"
        and max(layer.kernel_size) > 1
        and all(reach % 2 == 1 for reach in layer.kernel_size)
        and layer.padding == tuple(reach // 2 for reach in layer.kernel_size)
    )
