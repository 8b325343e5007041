"""Convolutions over maps so small that each output sees every input: matrix products on a CPU."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FEWEST = 32  # images; for fewer, laying the matrix out takes longer than it spares


class DenseConv2d(nn.Conv2d):
    """A convolution that becomes one matrix product where the map is small enough.

    A network made for 224 pixels has maps of 2x2 left of an image of 64. There a kernel of 3x3
    multiplies padding in 20 of 36 cases, and libraries for convolutions are at their slowest. It
    has the parameters of `nn.Conv2d`, and gives the same but for rounding.

    >>> plain = nn.Conv2d(8, 8, 3, padding=1)
    >>> dense = DenseConv2d(8, 8, 3, padding=1)
    >>> dense.load_state_dict(plain.state_dict())
    <All keys matched successfully>
    >>> maps = torch.randn(FEWEST, 8, 2, 2)
    >>> torch.allclose(dense(maps), plain(maps), atol=1e-6)
    True
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Maps [N, I, H, W] to [N, O, H, W]."""
        # A compiler, or who exports the network, does better with what it knows; and to ask for
        # the number of images first would bind the exported graph to it.
        if torch.compiler.is_compiling() or maps.device.type != "cpu" or len(maps) < FEWEST:
            return super().forward(maps)
        height, width = self.kernel_size
        if maps.ndim != 4 or maps.shape[2] > height // 2 + 1 or maps.shape[3] > width // 2 + 1:
            return super().forward(maps)
        return dense_convolution(maps, self.weight, self.bias)


def dense_convolution(maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Convolve with stride 1 and as much padding as keeps the size, by one matrix product.

    Args:
        maps: [N, I, H, W]; a side may be half the kernel's, rounded up, and no longer.
        weight: [O, I, odd, odd].
        bias: [O] or None.

    >>> maps, weight = torch.randn(5, 3, 2, 1), torch.randn(4, 3, 3, 3)
    >>> expected = F.conv2d(maps, weight, padding=1)
    >>> torch.allclose(dense_convolution(maps, weight, None), expected, atol=1e-5)
    True
    """
    images, _, height, width = maps.shape
    matrix = convolution_matrix(weight.to(maps.dtype), height, width)  # as autocast would
    rows = maps.permute(0, 2, 3, 1).reshape(images, -1)
    biases = None if bias is None else bias.repeat(height * width)
    outputs = F.linear(rows, matrix, biases)
    return outputs.view(images, height, width, -1).permute(0, 3, 1, 2)


def convolution_matrix(weight: Tensor, height: int, width: int) -> Tensor:
    """Lay weights [O, I, odd, odd] out as [H * W * O, H * W * I], from all inputs to all outputs.

    >>> convolution_matrix(torch.arange(9.0).view(1, 1, 3, 3), 1, 2)
    tensor([[4., 5.],
            [3., 4.]])
    """
    taps = weight.permute(0, 2, 3, 1)
    top, left = weight.shape[2] // 2, weight.shape[3] // 2
    outputs = [
        taps[:, top - row : top - row + height, left - column : left - column + width]
        for row in range(height)
        for column in range(width)
    ]
    return torch.stack(outputs).reshape(height * width * len(weight), -1)
