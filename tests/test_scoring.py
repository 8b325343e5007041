"""The arithmetic that `precision=auto` chooses."""

import pytest
import torch

from imbclf import scoring
from imbclf.backbones import build_backbone
from imbclf.scoring import depthwise_share, resolve_precision

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
# What trained fastest on a CPU with native bfloat16, by `scripts/bench.py --forms`.
FASTEST = {
    "resnet18": "bf16-mixed",
    "regnet_y_400mf": "bf16-mixed",
    "convnext_tiny": "bf16-mixed",
    "densenet121": "bf16-mixed",
    "squeezenet1_1": "bf16-mixed",
    "mobilenet_v2": "32-true",
    "mobilenet_v3_small": "32-true",
    "mobilenet_v3_large": "32-true",
    "efficientnet_b0": "32-true",
    "efficientnet_v2_s": "32-true",
    "mnasnet1_0": "32-true",
    "shufflenet_v2_x1_0": "32-true",
}


@pytest.mark.parametrize("name", FASTEST)
def test_auto_is_what_was_measured_to_be_fastest(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "has_native_bfloat16", lambda _: True)
    network = build_backbone(name).network
    assert resolve_precision("auto", CPU, network) == FASTEST[name]
    assert resolve_precision("auto", CUDA, network) == "bf16-mixed"
    monkeypatch.setattr(scoring, "has_native_bfloat16", lambda _: False)
    assert resolve_precision("auto", CPU, network) == "32-true"
    assert resolve_precision("bf16-mixed", CPU, network) == "bf16-mixed"


def test_grouped_is_not_depthwise_and_no_layer_is_no_share() -> None:
    assert depthwise_share(torch.nn.Conv2d(8, 8, 3, groups=4)) == 0
    assert depthwise_share(torch.nn.Conv2d(1, 8, 3)) == 0
    assert depthwise_share(torch.nn.ReLU()) == 0
