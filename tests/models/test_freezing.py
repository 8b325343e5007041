"""What part of a network is trained when."""

import pytest
import torch
import torchvision
from torch import nn

from imbclf.errors import UserError
from imbclf.models.freezing import Freezing, stages_of, unfreeze
from imbclf.models.torchvision_models import build_network, cut_head


@pytest.mark.parametrize(
    ("name", "at_least"),
    [
        ("resnet18", 6),
        ("mobilenet_v3_small", 10),
        ("efficientnet_b0", 8),
        ("convnext_tiny", 7),
        ("vit_b_16", 12),
        ("densenet121", 8),
        ("regnet_y_400mf", 5),
    ],
)
def test_stages_hold_every_parameter_once_in_order(name: str, at_least: int) -> None:
    network = build_network(name, 64 if name == "vit_b_16" else None)
    cut_head(network)
    stages = stages_of(network)
    assert len(stages) >= at_least
    held = [id(parameter) for stage in stages for parameter in stage.parameters()]
    # A vision transformer has parameters of its own beside its parts; they stay trained.
    own = {id(p) for module in (network, *network.modules()) for p in module._parameters.values()}
    assert len(held) == len(set(held))
    assert set(held) <= own
    order = {id(parameter): place for place, parameter in enumerate(network.parameters())}
    assert [order[one] for one in held] == sorted(order[one] for one in held)


@pytest.mark.parametrize("gradual", [False, True])
def test_unfreezing_never_reverts_and_ends_with_everything(gradual: bool) -> None:
    freezing = Freezing(0.6, gradual)
    seen = [freezing.trained_stages(epoch / 20, stages=6) for epoch in range(20)]
    assert seen == sorted(seen)
    assert seen[0] == 0
    assert seen[11] < 6
    assert seen[12:] == [6] * 8
    assert len(set(seen)) == (6 + 1 if gradual else 2)


def test_a_share_of_one_never_trains_the_backbone_and_none_always_does() -> None:
    assert [Freezing(1.0).trained_stages(epoch / 10, 4) for epoch in range(10)] == [0] * 10
    assert [Freezing().trained_stages(epoch / 10, 4) for epoch in range(10)] == [4] * 10


def test_frozen_stages_keep_weights_and_batch_statistics() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(*[nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)) for _ in range(3)])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    unfreeze(network, stages_of(network), 1)
    for _ in range(3):
        optimizer.zero_grad()
        network(torch.randn(8, 4)).square().sum().backward()
        optimizer.step()
    changed = {n for n, tensor in network.state_dict().items() if not tensor.equal(before[n])}
    assert {name[0] for name in changed} == {"2"}
    unfreeze(network, stages_of(network), 3)
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("name", ["vit_b_16", "swin_t", "maxvit_t", "convnext_tiny"])
def test_of_a_frozen_network_nothing_asks_for_a_gradient(name: str) -> None:
    """Class tokens and positions belong to no stage."""
    with torch.device("meta"):
        network = torchvision.models.get_model(name)
    stages = stages_of(network)
    unfreeze(network, stages, 0)
    assert not any(parameter.requires_grad for parameter in network.parameters())
    unfreeze(network, stages, len(stages))
    assert all(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_out_of_range_is_named(share: float) -> None:
    with pytest.raises(UserError, match=r"optim\.frozen="):
        Freezing(share)
