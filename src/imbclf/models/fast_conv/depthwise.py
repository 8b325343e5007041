"""Depthwise convolutions with a fast weight gradient for small maps."""

from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from imbclf.models.fast_conv.strided import convolve_without_idle_taps, has_idle_taps


class DepthwiseConv2d(nn.Conv2d):
    """A depthwise convolution with a fast weight gradient for maps smaller than the kernel.

    For those, oneDNN has no CPU kernel and falls back to a loop that is 10 to 50 times slower than
    `depthwise_weight_gradient`. Parameters and outputs are those of `nn.Conv2d`, and gradients
    differ by rounding alone.

    >>> plain = nn.Conv2d(8, 8, 5, padding=2, groups=8)
    >>> depthwise = DepthwiseConv2d(8, 8, 5, padding=2, groups=8)
    >>> depthwise.load_state_dict(plain.state_dict())
    <All keys matched successfully>
    >>> maps = torch.randn(32, 8, 4, 4)
    >>> plain(maps).square().sum().backward()
    >>> depthwise(maps).square().sum().backward()
    >>> torch.allclose(depthwise.weight.grad, plain.weight.grad, rtol=1e-4, atol=1e-3)
    True
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Return the outputs [N, C, H', W'] of maps [N, C, H, W]."""
        if torch.compiler.is_compiling():
            return super().forward(maps)
        if has_idle_taps(self, maps):
            return convolve_without_idle_taps(self, maps)
        if not self._needs_small_map_gradient(maps):
            return super().forward(maps)
        weight = self.weight.detach()
        plain = F.conv2d(maps, weight, None, self.stride, self.padding, groups=self.groups)
        outputs: Tensor = _WeightGradient.apply(
            plain, maps.detach(), self.weight, self.stride, self.padding
        )
        return outputs if self.bias is None else outputs + self.bias[:, None, None]

    def _needs_small_map_gradient(self, maps: Tensor) -> bool:
        return (
            torch.is_grad_enabled()
            and self.weight.requires_grad
            and maps.device.type == "cpu"
            and maps.ndim == 4
            # In bfloat16 each product would be rounded before it is added.
            and maps.dtype in (torch.float32, torch.float64)
            and not torch.is_autocast_enabled("cpu")
            and max(maps.shape[2:]) < min(self.kernel_size)
        )


class _WeightGradient(torch.autograd.Function):
    """Pass outputs through unchanged; backward computes the gradient of the weights."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        outputs: Tensor,
        maps: Tensor,
        weight: Tensor,
        stride: tuple[int, int],
        padding: tuple[int, int],
    ) -> Tensor:
        ctx.save_for_backward(maps)
        ctx.geometry = (weight.shape[2:], stride, padding)
        ctx.mark_dirty(outputs)  # so that they are no view, which an activation could not overwrite
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, Tensor, None, None]:  # noqa: ANN401
        (maps,) = ctx.saved_tensors
        return gradient, None, depthwise_weight_gradient(maps, gradient, *ctx.geometry), None, None


def depthwise_weight_gradient(
    maps: Tensor,
    gradient: Tensor,
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
) -> Tensor:
    """Return the gradient of a depthwise convolution's weights, one tap of the kernel at a time.

    gradient of w[c, i, j] = sum over n, y, x of
        gradient[n, c, y, x] maps[n, c, stride y + i - padding, stride x + j - padding]

    Args:
        maps: [N, C, H, W], inputs of the convolution.
        gradient: [N, C, H', W'], of its outputs.
        kernel: its height and width.
        stride: down and across.
        padding: with zeros, above and below, and left and right.

    Returns:
        [C, 1, *kernel].

    >>> maps, weight = torch.randn(5, 3, 2, 2), torch.randn(3, 1, 3, 3, requires_grad=True)
    >>> outputs = F.conv2d(maps, weight, padding=1, groups=3)
    >>> (expected,) = torch.autograd.grad(outputs.sum(), weight)
    >>> answer = depthwise_weight_gradient(maps, torch.ones(5, 3, 2, 2), (3, 3), padding=(1, 1))
    >>> torch.allclose(answer, expected, atol=1e-5)
    True
    """
    answer = maps.new_zeros(*kernel, maps.shape[1])
    # Channels last, as such networks are on a CPU: sums then run along contiguous memory.
    inputs, slopes = maps.permute(0, 2, 3, 1), gradient.permute(0, 2, 3, 1)
    sides = zip(maps.shape[2:], gradient.shape[2:], stride, padding, strict=True)
    down, across = (partial(_tap_slices, *side) for side in sides)
    for row, column in product(range(kernel[0]), range(kernel[1])):
        (above, below), (left, right) = down(row), across(column)
        products = inputs[:, above, left] * slopes[:, below, right]
        answer[row, column] = products.sum((0, 1, 2))
    return answer.permute(2, 0, 1).unsqueeze(1)


def _tap_slices(
    inputs: int, outputs: int, stride: int, padding: int, tap: int
) -> tuple[slice, slice]:
    """Return the inputs and the outputs that a tap of a kernel connects along one axis.

    >>> _tap_slices(inputs=4, outputs=4, stride=1, padding=1, tap=0)
    (slice(0, 3, 1), slice(1, 4, None))
    """
    first = max(0, -((tap - padding) // stride))
    last = max(first, min(outputs, (inputs - 1 - tap + padding) // stride + 1))
    start = first * stride + tap - padding
    return slice(start, start + (last - first) * stride, stride), slice(first, last)
