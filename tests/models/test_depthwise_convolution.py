"""A depthwise convolution learns what PyTorch's learns, and nobody sees a difference."""

from copy import deepcopy

import pytest
import torch
from hypothesis import given, strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from imbclf.models.build import build_backbone
from imbclf.models.fast_conv.depthwise import DepthwiseConv2d, depthwise_weight_gradient
from imbclf.models.fast_conv.kernels import use_small_map_kernels

SIDES = st.tuples(st.integers(1, 6), st.integers(1, 6))
STEPS = st.tuples(st.integers(1, 3), st.integers(1, 3))


@given(SIDES, SIDES, STEPS, st.data())
def test_the_gradient_is_that_of_a_convolution(
    kernel: tuple[int, int], sides: tuple[int, int], stride: tuple[int, int], data: st.DataObject
) -> None:
    least = [max(0, -((side - reach) // 2)) for side, reach in zip(sides, kernel, strict=True)]
    padding = (data.draw(st.integers(least[0], 6)), data.draw(st.integers(least[1], 6)))
    torch.manual_seed(data.draw(st.integers(0, 99)))
    maps = torch.randn(3, 2, *sides, dtype=torch.float64)
    weight = torch.randn(2, 1, *kernel, dtype=torch.float64, requires_grad=True)
    outputs = F.conv2d(maps, weight, None, stride, padding, groups=2)
    slope = torch.randn_like(outputs)
    (expected,) = torch.autograd.grad(outputs, weight, slope)
    answer = depthwise_weight_gradient(maps, slope, kernel, stride, padding)
    torch.testing.assert_close(answer, expected)


def _gradients(layer: nn.Conv2d, maps: Tensor, slope: Tensor) -> list[Tensor]:
    wanted = [tensor for tensor in (maps, *layer.parameters()) if tensor.requires_grad]
    outputs = layer(maps)
    return [outputs, *torch.autograd.grad(outputs, wanted, slope)]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("learns", [True, False])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
def test_outputs_and_all_gradients_are_those_of_a_convolution(
    bias: bool, learns: bool, first: bool, stride: int
) -> None:
    torch.manual_seed(0)
    plain = nn.Conv2d(6, 6, 5, padding=2, groups=6, stride=stride, bias=bias).double()
    plain.weight.requires_grad = learns
    depthwise = use_small_map_kernels(plain)
    assert isinstance(depthwise, DepthwiseConv2d)
    maps = torch.randn(4, 6, 4, 3, dtype=torch.float64, requires_grad=not first)
    torch.testing.assert_close(depthwise(maps), plain(maps))
    if first and not learns and not bias:
        return  # there is no gradient
    slope = torch.randn_like(plain(maps))
    torch.testing.assert_close(_gradients(depthwise, maps, slope), _gradients(plain, maps, slope))


def test_an_activation_may_overwrite_the_outputs() -> None:
    torch.manual_seed(0)
    depthwise = DepthwiseConv2d(4, 4, 3, padding=1, groups=4, bias=False)
    plain = nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False)
    plain.load_state_dict(depthwise.state_dict())
    maps = torch.randn(8, 4, 2, 2)
    for layer in (depthwise, plain):
        loss = F.relu(layer(maps), inplace=True).square().sum()
        torch.autograd.backward(loss)
    torch.testing.assert_close(depthwise.weight.grad, plain.weight.grad)


def _own_gradient(layer: DepthwiseConv2d, maps: Tensor) -> bool:
    outputs = layer(maps)
    return outputs.grad_fn is not None and "WeightGradient" in type(outputs.grad_fn).__name__


def test_a_second_derivative_is_refused_rather_than_wrong() -> None:
    depthwise = DepthwiseConv2d(4, 4, 5, padding=2, groups=4).double()
    maps = torch.randn(3, 4, 2, 2, dtype=torch.float64, requires_grad=True)
    loss = depthwise(maps).square().sum()
    (gradient,) = torch.autograd.grad(loss, depthwise.weight, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        torch.autograd.backward(gradient.square().sum())


def test_maps_without_a_batch_are_convolved() -> None:
    depthwise = DepthwiseConv2d(4, 4, 5, padding=2, groups=4)
    maps = torch.randn(4, 2, 2)
    assert torch.allclose(depthwise(maps), depthwise(maps[None])[0], atol=1e-6)


def test_it_takes_over_where_the_map_is_smaller_than_the_kernel_and_float() -> None:
    layer = DepthwiseConv2d(4, 4, 5, padding=2, groups=4, bias=False)
    maps = torch.randn(8, 4, 4, 4)
    assert _own_gradient(layer, maps)
    assert not _own_gradient(layer, torch.randn(8, 4, 5, 4))
    assert not _own_gradient(deepcopy(layer).bfloat16(), maps.bfloat16())
    with torch.autocast("cpu", torch.bfloat16):
        assert not _own_gradient(layer, maps)
    with torch.no_grad():
        assert not _own_gradient(layer, maps)
    layer.weight.requires_grad = False
    assert not _own_gradient(layer, maps.requires_grad_())


def test_who_exports_it_sees_a_convolution() -> None:
    layer = DepthwiseConv2d(4, 4, 3, padding=1, groups=4).eval()
    shapes = ({0: torch.export.Dim("images")},)
    program = torch.export.export(layer, (torch.randn(2, 4, 2, 2),), dynamic_shapes=shapes)
    called = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert called == {"aten.conv2d.default"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["mobilenet_v3_small", "efficientnet_b0", "convnext_tiny", "mnasnet0_5"]
)
def test_a_network_learns_what_it_learned(name: str) -> None:
    torch.manual_seed(0)
    quick = build_backbone(name).double().network.eval()  # without dropout, which draws lots
    plain = build_backbone(name, fast_conv=False).double().network.eval()
    plain.load_state_dict(quick.state_dict())
    assert not any(isinstance(layer, DepthwiseConv2d) for layer in plain.modules())
    images = torch.randn(4, 3, 64, 64, dtype=torch.float64)
    for network in (quick, plain):
        torch.autograd.backward(network(images).square().sum())
    expected = dict(plain.named_parameters())
    layers = [layer for layer in quick.modules() if isinstance(layer, DepthwiseConv2d)]
    assert any(min(layer.kernel_size) > 3 for layer in layers)
    for key, parameter in quick.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[key].grad, rtol=1e-6, atol=1e-9)
