"""A network with fused batch norms computes what it computed before."""

import pytest
import torch
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

from helpers.ensembles import briefly_trained
from imbclf.models.build import build_backbone
from imbclf.models.fast_conv import fast_network
from imbclf.models.fast_conv.batchnorm_fusion import fuse_batch_norms

NETWORKS = (
    *("resnet18", "mobilenet_v3_small", "efficientnet_b0", "densenet121", "regnet_y_400mf"),
    *("shufflenet_v2_x0_5", "convnext_tiny", "googlenet", "vgg11_bn", "mnasnet0_5"),
)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_features_are_the_same_but_for_rounding(name: str) -> None:
    network = briefly_trained(name, 64, seed=0).network.double()
    images = torch.randn(3, 3, 64, 64, dtype=torch.float64)
    copy = fuse_batch_norms(network)
    with torch.inference_mode():
        expected, answer = network(images), copy(images)
    torch.testing.assert_close(answer, expected, rtol=1e-9, atol=1e-9 * float(expected.std()))
    has_norms = any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    assert (copy is not network) == has_norms
    left = sum(isinstance(layer, nn.BatchNorm2d) for layer in copy.modules())
    # Where the norm comes before the convolution, as in a DenseNet, only some can go.
    assert left == 0 or name == "densenet121"


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "mobilenet_v3_small"])
def test_outputs_are_bit_by_bit_those_of_the_fusion_that_torch_has(name: str) -> None:
    """That one traces in a way that other threads notice."""
    network = build_backbone(name, fast_conv=False).network.eval()
    images = torch.randn(3, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(fuse_batch_norms(network)(images), fuse(network)(images))


def test_what_is_not_fused_is_shared_and_the_network_stays_what_it_was() -> None:
    network = briefly_trained("densenet121", 32, seed=0).network
    before = {name: value.clone() for name, value in network.state_dict().items()}
    layers = dict(network.named_modules())
    fused = fast_network(network, fuse_norms=True)
    parameters = dict(network.named_parameters())
    own = [k for k, value in fused.named_parameters() if value is not parameters.get(k)]
    assert own
    assert all("conv" in name for name in own)
    assert all(module is layers[name] for name, module in network.named_modules())
    assert network.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[k]) for k, value in network.state_dict().items())


class Branching(nn.Module):
    """What torch.fx cannot read: the way depends on the images."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2))

    def forward(self, images: Tensor) -> Tensor:
        answer: Tensor = self.layers(images)
        return answer if images.mean() > 0 else -answer


class Twice(nn.Module):
    """Layers that are called twice, and a convolution that is read twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        self.norm, self.other = nn.BatchNorm2d(3), nn.BatchNorm2d(3)

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = self.norm(self.first(images))
        maps = self.norm(self.second(self.first(maps)))
        kept = self.second(maps)
        answer: Tensor = self.other(kept) + kept
        return answer


def test_layers_that_are_used_more_than_once_are_not_fused() -> None:
    network = Twice().eval()
    assert fuse_batch_norms(network) is network


def test_a_network_that_cannot_be_read_is_used_as_it_is() -> None:
    branching = Branching().eval()
    assert fuse_batch_norms(branching) is branching
    plain = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU())
    assert fuse_batch_norms(plain) is plain
    compiled = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2)).eval()
    compiled.compile()
    assert fuse_batch_norms(compiled) is compiled
