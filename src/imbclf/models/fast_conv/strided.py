"""Strided convolutions with a right weight gradient for small maps in bfloat16."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class StridedConv2d(nn.Conv2d):
    """A strided convolution that leaves out the taps of its kernel that only meet padding.

    The gradient of such a tap is 0. In bfloat16 on a CPU (torch 2.14.1, oneDNN) it is whatever the
    memory held: garbage, and NaN sooner or later, as in the last stage of a network that has
    reduced an image of 16 pixels to a map of 1x1. Parameters and outputs are those of `nn.Conv2d`.

    >>> plain = nn.Conv2d(8, 8, 3, stride=2, padding=1)
    >>> strided = StridedConv2d(8, 8, 3, stride=2, padding=1)
    >>> strided.load_state_dict(plain.state_dict())
    <All keys matched successfully>
    >>> maps = torch.randn(4, 8, 1, 2)
    >>> torch.allclose(strided.bfloat16()(maps.bfloat16()).float(), plain(maps), atol=0.05)
    True
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Return the outputs [N, O, H', W'] of maps [N, I, H, W]."""
        if torch.compiler.is_compiling() or not has_idle_taps(self, maps):
            return super().forward(maps)
        return convolve_without_idle_taps(self, maps)


def has_idle_taps(layer: nn.Conv2d, maps: Tensor) -> bool:
    """Return whether a tap of a layer's kernel meets nothing but padding, in few bits on a CPU."""
    return (
        max(layer.stride) > 1
        and maps.ndim == 4
        and maps.device.type == "cpu"
        and (maps.dtype is torch.bfloat16 or torch.is_autocast_enabled("cpu"))
        and any(
            taps != slice(0, side)
            for (taps, _, _), side in zip(_busy_taps(layer, maps), layer.kernel_size, strict=True)
        )
    )


def convolve_without_idle_taps(layer: nn.Conv2d, maps: Tensor) -> Tensor:
    """Return what a convolutional layer returns, computed by the taps that meet a pixel."""
    (rows, above, below), (columns, left, right) = _busy_taps(layer, maps)
    weight = layer.weight[:, :, rows, columns]
    padded = F.pad(maps, (left, right, above, below))
    return F.conv2d(padded, weight, layer.bias, layer.stride, groups=layer.groups)


def _busy_taps(layer: nn.Conv2d, maps: Tensor) -> list[tuple[slice, int, int]]:
    """Return `busy_taps` down and across."""
    assert not isinstance(layer.padding, str)
    geometry = zip(maps.shape[2:], layer.kernel_size, layer.stride, layer.padding, strict=True)
    return [busy_taps(*axis) for axis in geometry]


def busy_taps(side: int, taps: int, stride: int, padding: int) -> tuple[slice, int, int]:
    """Return the taps that meet a pixel along an axis, and the padding before and after for them.

    >>> busy_taps(side=1, taps=3, stride=2, padding=1)  # the middle one, which needs no padding
    (slice(1, 2, None), 0, 0)
    >>> busy_taps(side=4, taps=3, stride=2, padding=1)
    (slice(0, 3, None), 1, 0)
    """
    outputs = (side + 2 * padding - taps) // stride + 1
    starts = range(-padding, -padding + outputs * stride, stride)
    busy = [tap for tap in range(taps) if any(0 <= start + tap < side for start in starts)]
    first, last = min(busy), max(busy) + 1
    before = padding - first
    return slice(first, last), before, (outputs - 1) * stride + (last - first) - before - side
