"""Replace convolutions by ones with CPU kernels for small feature maps."""

from torch import nn

from imbclf.models.fast_conv.dense import DenseConv2d
from imbclf.models.fast_conv.depthwise import DepthwiseConv2d
from imbclf.models.fast_conv.replace import replace_modules
from imbclf.models.fast_conv.strided import StridedConv2d


def use_small_map_kernels(network: nn.Module) -> nn.Module:
    """Return a network whose convolutions are of the kinds of this package, where they suit.

    Parameters are shared with `network`, which stays unchanged.

    >>> network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 1))
    >>> [type(layer).__name__ for layer in use_small_map_kernels(network)]
    ['DenseConv2d', 'Conv2d']
    """
    kernels = {layer: _kernel_for(layer) for layer in network.modules()}
    return replace_modules(
        network, {layer: _rebuild(layer, kind) for layer, kind in kernels.items() if kind}
    )


def _kernel_for(layer: nn.Module) -> type[nn.Conv2d] | None:
    # Subclasses of `nn.Conv2d` may compute anything.
    if type(layer) is not nn.Conv2d or not _pads_by_half(layer):
        return None
    if layer.groups == 1 and layer.stride == (1, 1):
        return DenseConv2d
    if layer.groups == layer.in_channels == layer.out_channels:
        return DepthwiseConv2d
    return StridedConv2d if max(layer.stride) > 1 else None


def _rebuild(layer: nn.Module, kind: type[nn.Conv2d]) -> nn.Conv2d:
    assert isinstance(layer, nn.Conv2d)
    kernel = kind(
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,  # type: ignore[arg-type]
        layer.stride,  # type: ignore[arg-type]
        layer.padding,  # type: ignore[arg-type]
        groups=layer.groups,
        bias=layer.bias is not None,
        device="meta",  # takes no time and draws no random numbers
    )
    kernel.weight, kernel.bias = layer.weight, layer.bias
    return kernel.train(layer.training)


def _pads_by_half(layer: nn.Conv2d) -> bool:
    return (
        layer.dilation == (1, 1)
        and layer.padding_mode == "zeros"
        and max(layer.kernel_size) > 1
        and all(side % 2 == 1 for side in layer.kernel_size)
        and layer.padding == tuple(side // 2 for side in layer.kernel_size)
    )
