"""The arithmetic that `precision=auto` chooses."""

from typing import get_args

import pytest
import torch
from lightning.fabric.connector import _convert_precision_to_unified_args
from lightning.fabric.plugins.precision.precision import _PRECISION_INPUT

from imbclf.errors import UserError
from imbclf.models.backbone import build_backbone
from imbclf.prediction import scoring
from imbclf.prediction.scoring import (
    PRECISIONS,
    check_precision,
    depthwise_share,
    resolve_precision,
    scoring_precision,
)

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


@pytest.mark.filterwarnings("ignore")  # of Lightning's, about its older names
def test_every_precision_of_lightnings_is_called_by_its_usual_name() -> None:
    names = [name for kind in get_args(_PRECISION_INPUT) for name in get_args(kind)]
    assert {64, "bf16", "64-true", "transformer-engine"} <= {*names}
    for name in names:
        usual = resolve_precision(name, CPU, torch.nn.Linear(1, 1))
        assert usual == _convert_precision_to_unified_args(name)
        assert scoring_precision(usual) in PRECISIONS


def test_images_are_scored_in_few_precisions_and_others_are_refused() -> None:
    for name in ("auto", "32-true", "bf16-mixed", "16-mixed", 32, "32", 16, "bf16"):
        check_precision(name)
    for name in ("banana", "bf16_mixed", "64-true", 64, "16-true", True):
        with pytest.raises(UserError, match=f"precision={name}: expected one of auto, 32-true"):
            check_precision(name)
