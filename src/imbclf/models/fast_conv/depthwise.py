"""Depthwise convolutions whose weights learn from small maps at the speed of the other steps."""

from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


class DepthwiseConv2d(nn.Conv2d):
    """A depthwise convolution whose weights' gradient is quick where the map is below the kernel.

    There oneDNN has no kernel for it on a CPU, and falls back on a loop that takes ten to fifty
    times as long; what `depthwise_weight_gradient` does takes no longer than the rest. It has the
    parameters of `nn.Conv2d`, gives the same, and learns the same but for rounding.

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
        """Maps [N, C, H, W] to [N, C, H', W']."""
        if torch.compiler.is_compiling() or not self._learns_from_a_small_map(maps):
            return super().forward(maps)
        weight = self.weight.detach()
        plain = F.conv2d(maps, weight, None, self.stride, self.padding, groups=self.groups)
        outputs: Tensor = _WeightGradient.apply(
            plain, maps.detach(), self.weight, self.stride, self.padding
        )
        return outputs if self.bias is None else outputs + self.bias[:, None, None]

    def _learns_from_a_small_map(self, maps: Tensor) -> bool:
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
    """Outputs as they are, through which the weights are told their gradient."""

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
        ctx.form = (weight.shape[2:], stride, padding)
        ctx.mark_dirty(outputs)  # so that they are no view, which an activation could not overwrite
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, Tensor, None, None]:  # noqa: ANN401
        (maps,) = ctx.saved_tensors
        return gradient, None, depthwise_weight_gradient(maps, gradient, *ctx.form), None, None


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
        maps: [N, C, H, W], what the convolution was given.
        gradient: [N, C, H', W'], of what it gave.
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
    # Channels last, as such networks have them on a CPU: then sums run along the memory.
    seen, told = maps.permute(0, 2, 3, 1), gradient.permute(0, 2, 3, 1)
    sides = zip(maps.shape[2:], gradient.shape[2:], stride, padding, strict=True)
    down, across = (partial(_joined, *side) for side in sides)
    for row, column in product(range(kernel[0]), range(kernel[1])):
        (above, below), (left, right) = down(row), across(column)
        products = seen[:, above, left] * told[:, below, right]
        answer[row, column] = products.sum((0, 1, 2))
    return answer.permute(2, 0, 1).unsqueeze(1)


def _joined(inputs: int, outputs: int, stride: int, padding: int, tap: int) -> tuple[slice, slice]:
    """Return the inputs and the outputs that a tap of a kernel joins along one axis.

    >>> _joined(inputs=4, outputs=4, stride=1, padding=1, tap=0)
    (slice(0, 3, 1), slice(1, 4, None))
    """
    first = max(0, -((tap - padding) // stride))
    last = max(first, min(outputs, (inputs - 1 - tap + padding) // stride + 1))
    start = first * stride + tap - padding
    return slice(start, start + (last - first) * stride, stride), slice(first, last)
