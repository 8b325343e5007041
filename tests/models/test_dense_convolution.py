"""A dense convolution is the convolution that PyTorch computes, and nobody sees a difference."""

import pytest
import torch
from hypothesis import given, strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from imbclf.models.build import build_backbone
from imbclf.models.fast_conv.dense import (
    FEWEST,
    DenseConv2d,
    convolution_matrix,
    dense_convolution,
)

KERNELS = st.sampled_from((1, 3, 5, 7))


@given(st.data(), KERNELS, KERNELS, st.integers(1, 4), st.integers(1, 3), st.booleans())
def test_outputs_and_gradients_are_those_of_a_convolution(
    data: st.DataObject, tall: int, wide: int, inputs: int, outputs: int, biased: bool
) -> None:
    height = data.draw(st.integers(1, tall // 2 + 1))
    width = data.draw(st.integers(1, wide // 2 + 1))
    torch.manual_seed(data.draw(st.integers(0, 99)))
    maps = torch.randn(3, inputs, height, width, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(outputs, inputs, tall, wide, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(outputs, dtype=torch.float64, requires_grad=True) if biased else None
    given_to = [maps, weight] if bias is None else [maps, weight, bias]

    answer = dense_convolution(maps, weight, bias)
    expected = F.conv2d(maps, weight, bias, padding=(tall // 2, wide // 2))
    slope = torch.randn_like(expected)
    torch.testing.assert_close(answer, expected)
    torch.testing.assert_close(
        torch.autograd.grad(answer, given_to, slope),
        torch.autograd.grad(expected, given_to, slope),
    )


def test_the_matrix_holds_the_weight_between_each_input_and_each_output() -> None:
    weight = torch.randn(2, 3, 3, 3)
    matrix = convolution_matrix(weight, 2, 2).view(2, 2, 2, 2, 2, 3)
    for row, column, below, right in torch.cartesian_prod(*[torch.arange(2)] * 4).tolist():
        tap = weight[:, :, below - row + 1, right - column + 1]
        assert torch.equal(matrix[row, column, :, below, right], tap)


def _products(layer: nn.Module, maps: Tensor) -> set[str]:
    """Return the names of what multiplies when a layer meets maps."""
    with torch.profiler.profile() as profile:
        layer(maps)
    names = {event.key for event in profile.key_averages()}
    return names & {"aten::linear", "aten::conv2d"}


@pytest.mark.parametrize(
    ("images", "side", "multiplies"),
    [
        (FEWEST, 2, "aten::linear"),
        (FEWEST - 1, 2, "aten::conv2d"),
        (FEWEST, 3, "aten::conv2d"),
    ],
)
def test_a_product_is_taken_where_it_is_the_faster(images: int, side: int, multiplies: str) -> None:
    layer = DenseConv2d(4, 4, 3, padding=1)
    assert _products(layer, torch.randn(images, 4, side, side)) == {multiplies}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "resnet50", "vgg11_bn", "densenet121", "googlenet"])
def test_a_network_gives_what_it_gave_and_keeps_its_names(name: str) -> None:
    torch.manual_seed(0)
    network = build_backbone(name).double().eval().network
    assert any(isinstance(layer, DenseConv2d) for layer in network.modules())
    images = torch.randn(FEWEST, 3, 64, 64, dtype=torch.float64)
    with torch.inference_mode():
        together = network(images)
        few = torch.cat([network(images[:-1]), network(images[-1:])])
    torch.testing.assert_close(together, few, rtol=1e-9, atol=1e-9 * float(few.std()))


def test_gradients_in_bfloat16_are_as_near_as_those_of_a_convolution() -> None:
    torch.manual_seed(0)
    plain = nn.Conv2d(64, 64, 3, padding=1)
    dense = DenseConv2d(64, 64, 3, padding=1)
    dense.load_state_dict(plain.state_dict())
    maps, slope = torch.randn(FEWEST, 64, 2, 2), torch.randn(FEWEST, 64, 2, 2)
    (exact,) = torch.autograd.grad(plain(maps), plain.weight, slope)

    def error(layer: nn.Conv2d) -> float:
        with torch.autocast("cpu", torch.bfloat16):
            outputs = layer(maps.bfloat16())
        assert outputs.dtype == torch.bfloat16
        (gradient,) = torch.autograd.grad(outputs, layer.weight, slope.bfloat16())
        assert gradient.dtype == torch.float32
        return float((gradient - exact).norm() / exact.norm())

    assert error(dense) < 1.5 * error(plain)
    assert error(dense) < 0.01


def test_who_exports_it_sees_a_convolution() -> None:
    layer = DenseConv2d(4, 4, 3, padding=1).eval()
    shapes = ({0: torch.export.Dim("images")},)
    program = torch.export.export(layer, (torch.randn(2, 4, 2, 2),), dynamic_shapes=shapes)
    called = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert called == {"aten.conv2d.default"}
    for images in (1, FEWEST):
        maps = torch.randn(images, 4, 2, 2)
        torch.testing.assert_close(program.module()(maps), layer(maps), atol=1e-5, rtol=1e-5)
