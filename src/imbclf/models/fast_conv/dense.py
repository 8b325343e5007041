"""Matrix products for convolutions over maps so small that each output depends on every input."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FEWEST = 32  # images; for fewer, building the matrix costs more than it saves


class DenseConv2d(nn.Conv2d):
    """A convolution that becomes one matrix product where the map is small enough.

    A network designed for 224 pixels reduces an image of 64 pixels to maps of 2x2. There 20 of 36
    products of a 3x3 kernel are with padding, and convolution libraries are at their slowest.
    Parameters are those of `nn.Conv2d`, and outputs differ by rounding alone.

    >>> plain = nn.Conv2d(8, 8, 3, padding=1)
    >>> dense = DenseConv2d(8, 8, 3, padding=1)
    >>> dense.load_state_dict(plain.state_dict())
    <All keys matched successfully>
    >>> maps = torch.randn(FEWEST, 8, 2, 2)
    >>> torch.allclose(dense(maps), plain(maps), atol=1e-6)
    True
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Return the outputs [N, O, H, W] of maps [N, I, H, W]."""
        # Compilers and exporters optimize plain convolutions themselves. They are asked about first
        # since reading the number of images would fix it in the exported graph.
        if torch.compiler.is_compiling() or maps.device.type != "cpu" or len(maps) < FEWEST:
            return super().forward(maps)
        height, width = self.kernel_size
        if maps.ndim != 4 or maps.shape[2] > height // 2 + 1 or maps.shape[3] > width // 2 + 1:
            return super().forward(maps)
        return dense_convolution(maps, self.weight, self.bias)


def dense_convolution(maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return a convolution of stride 1, padded to keep the size, by one matrix product.

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
    """Return weights [O, I, odd, odd] as a matrix [H * W * O, H * W * I] from inputs to outputs.

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
