"""Strided convolutions of small maps in bfloat16, whose gradient by oneDNN is garbage."""

import itertools

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imbclf.models.build import build_backbone
from imbclf.models.fast_conv.depthwise import DepthwiseConv2d
from imbclf.models.fast_conv.kernels import use_small_map_kernels
from imbclf.models.fast_conv.strided import StridedConv2d, busy_taps, has_idle_taps

SIDES = [*itertools.product((1, 2, 3, 5), (1, 2, 3, 4))]


def fill_memory(like: Tensor) -> None:
    """Leave not-a-number where the allocator takes its next memory from."""
    del [torch.full_like(like, torch.nan, dtype=torch.bfloat16) for _ in range(3)][:]


@pytest.mark.parametrize("groups", [1, 32])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (5, 2), (3, 3), (7, 2)])
def test_gradients_in_few_bits_are_those_of_64_bits(kernel: int, stride: int, groups: int) -> None:
    torch.manual_seed(0)
    plain = nn.Conv2d(32, 32, kernel, stride, kernel // 2, groups=groups)
    layer = use_small_map_kernels(plain)
    assert type(layer) is (StridedConv2d if groups == 1 else DepthwiseConv2d)
    for height, width in SIDES:
        maps = torch.randn(16, 32, height, width).bfloat16().requires_grad_()
        exact = maps.detach().double().requires_grad_()
        weight = plain.weight.detach().bfloat16().double().requires_grad_()
        bias = plain.bias
        assert bias is not None
        expected = F.conv2d(
            exact, weight, bias.detach().double(), stride, kernel // 2, groups=groups
        )
        fill_memory(plain.weight)
        with torch.autocast("cpu", torch.bfloat16):
            outputs = layer(maps)
        slopes = torch.randn_like(outputs)
        wanted = torch.autograd.grad(expected, (exact, weight), slopes.double())
        found = torch.autograd.grad(outputs, (maps, plain.weight), slopes)
        for one, other in zip((outputs, *found), (expected, *wanted), strict=True):
            largest = max(float(other.detach().abs().max()), 1e-3)
            assert float((one.detach().double() - other.detach()).abs().max()) < 0.02 * largest, (
                height,
                width,
            )
        idle = wanted[1] == 0
        assert (found[1][idle] == 0).all()
        assert has_idle_taps(plain, maps) == bool(idle.any())


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("side", "taps"), [*itertools.product((1, 2, 5), (3, 7))])
def test_busy_taps_are_those_that_meet_a_pixel(side: int, taps: int, stride: int) -> None:
    maps, weight = torch.ones(1, 1, 1, side), torch.ones(1, 1, 1, taps, requires_grad=True)
    outputs = F.conv2d(maps, weight, stride=stride, padding=(0, taps // 2))
    (gradient,) = torch.autograd.grad(outputs.sum(), weight)
    busy, before, after = busy_taps(side, taps, stride, taps // 2)
    assert [*range(taps)[busy]] == gradient.flatten().nonzero().flatten().tolist()
    padded = F.pad(maps, (before, after))
    assert torch.equal(F.conv2d(padded, weight[..., busy], stride=stride), outputs)


def test_a_network_for_large_images_learns_small_ones_in_bfloat16() -> None:
    torch.manual_seed(0)
    network = build_backbone("resnet18")
    (weight,) = (
        parameter
        for name, parameter in network.named_parameters()
        if name == "network.layer4.0.conv1.weight"
    )
    images = torch.randint(0, 256, (64, 16, 16, 3), dtype=torch.uint8)
    for _ in range(3):
        fill_memory(weight)
        with torch.autocast("cpu", torch.bfloat16):
            loss = network(images).float().square().mean()
        network.zero_grad()
        loss.backward()
        assert weight.grad is not None
        outside = weight.grad.clone()
        outside[:, :, 1, 1] = 0
        assert (outside == 0).all()
        assert weight.grad.abs().max() > 0
