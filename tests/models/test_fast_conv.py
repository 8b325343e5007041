"""Which convolutions get faster ones in their place, and that nothing else changes."""

import pickle
from copy import deepcopy

import pytest
import torch
from torch import nn

from helpers.ensembles import briefly_trained
from imbclf.models.backbone import Backbone
from imbclf.models.build import build_backbone, rebuild_backbone
from imbclf.models.fast_conv import fast_network
from imbclf.models.fast_conv.dense import DenseConv2d
from imbclf.models.fast_conv.depthwise import DepthwiseConv2d
from imbclf.models.fast_conv.strided import StridedConv2d
from imbclf.models.scoring_copy import scoring_copy

KERNELS = [("resnet18", DenseConv2d), ("mobilenet_v3_small", DepthwiseConv2d)]


@pytest.mark.parametrize(
    ("layer", "becomes"),
    [
        (nn.Conv2d(4, 6, 3, padding=1), DenseConv2d),
        (nn.Conv2d(4, 6, (3, 1), padding=(1, 0)), DenseConv2d),
        (nn.Conv2d(4, 4, 3, padding=1, groups=4), DepthwiseConv2d),
        (nn.Conv2d(4, 4, 5, padding=2, groups=4, stride=2), DepthwiseConv2d),
        (nn.Conv2d(4, 8, 3, padding=1, groups=4), nn.Conv2d),
        (nn.Conv2d(4, 4, 3, padding=1, groups=2), nn.Conv2d),
        (nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d),
        (nn.Conv2d(4, 4, 3, padding="same", groups=4), nn.Conv2d),
        (nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4), nn.Conv2d),
        (nn.Conv2d(4, 4, 3, padding=1, groups=4, padding_mode="circular"), nn.Conv2d),
        (nn.Conv2d(4, 4, 1), nn.Conv2d),
        (nn.Conv2d(4, 4, 3), nn.Conv2d),
        (nn.Conv2d(4, 4, 2, padding=1), nn.Conv2d),
        (nn.Conv2d(4, 4, 3, padding=1, stride=2), StridedConv2d),
        (nn.Conv2d(4, 4, 3, padding=2, dilation=2), nn.Conv2d),
        (nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"), nn.Conv2d),
    ],
    ids=str,
)
def test_those_become_fast_that_can(layer: nn.Conv2d, becomes: type[nn.Conv2d]) -> None:
    torch.manual_seed(0)
    layer.eval()
    before = torch.get_rng_state()
    fast = fast_network(layer)
    assert torch.equal(torch.get_rng_state(), before)  # a run gives what it gave without kernels
    assert isinstance(fast, nn.Conv2d)
    assert type(fast) is becomes
    assert type(layer) is nn.Conv2d
    assert (fast is layer) == (becomes is nn.Conv2d)
    assert str(fast).partition("(")[2] == str(layer).partition("(")[2]
    assert fast.weight is layer.weight
    assert fast.bias is layer.bias
    assert not fast.training


def test_a_convolution_of_the_users_own_stays_theirs() -> None:
    class Own(nn.Conv2d):
        pass

    layer = Own(4, 4, 3, padding=1)
    assert fast_network(layer) is layer


def _kinds(backbone: Backbone) -> set[type[nn.Module]]:
    layers = backbone.network.modules()
    return {type(layer) for layer in layers if isinstance(layer, nn.Conv2d)}


@pytest.mark.parametrize(("name", "kernel"), KERNELS)
def test_a_backbone_has_them_unless_the_option_is_off(name: str, kernel: type[nn.Conv2d]) -> None:
    backbones = []
    for fast_conv in (True, False):
        torch.manual_seed(0)
        backbones.append(build_backbone(name, fast_conv=fast_conv).double().eval())
    fast, plain = backbones
    assert kernel in _kinds(fast)
    assert _kinds(plain) == {nn.Conv2d}
    assert scoring_copy(fast) is not fast
    assert scoring_copy(plain) is plain  # no batch norm is fused either
    assert fast.architecture == plain.architecture  # predictors of both are read alike
    assert kernel in _kinds(rebuild_backbone(plain.architecture))
    images = torch.randint(0, 256, (40, 64, 64, 3), dtype=torch.uint8)
    with torch.inference_mode():
        torch.testing.assert_close(fast(images), plain(images), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("name", "kernel"), KERNELS)
def test_a_replaced_module_shares_parameters_and_keeps_names(
    name: str, kernel: type[nn.Conv2d]
) -> None:
    plain = build_backbone(name, fast_conv=False).network
    fast = fast_network(plain)
    assert [*fast.state_dict()] == [*plain.state_dict()]
    for pairs in (
        zip(fast.named_parameters(), plain.named_parameters(), strict=True),
        zip(fast.named_buffers(), plain.named_buffers(), strict=True),
    ):
        assert all(one == other and a is b for (one, a), (other, b) in pairs)
    assert any(type(layer) is kernel for layer in fast.modules())
    assert not any(type(layer) is kernel for layer in plain.modules())
    assert fast_network(fast) is fast


@pytest.mark.parametrize(("name", "kernel"), KERNELS)
@pytest.mark.parametrize("fused", [False, True])
def test_networks_are_copied_and_pickled(name: str, kernel: type[nn.Conv2d], fused: bool) -> None:
    backbone = briefly_trained(name, 32, seed=0)
    backbone.eval()
    if fused:
        copy = scoring_copy(backbone)
        assert isinstance(copy, Backbone)
        backbone = copy
    images = torch.randint(0, 256, (40, 32, 32, 3), dtype=torch.uint8)
    twins = deepcopy(backbone), pickle.loads(pickle.dumps(backbone))
    with torch.inference_mode():
        for twin in twins:
            assert kernel in _kinds(twin)
            assert torch.equal(twin(images), backbone(images))
            assert twin.head is not backbone.head
