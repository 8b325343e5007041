"""The arithmetic that `precision=auto` chooses, and scores of many images at once."""

import inspect
import platform
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import get_args
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from lightning.fabric.accelerators.mps import MPSAccelerator as FabricMPS
from lightning.fabric.connector import _convert_precision_to_unified_args
from lightning.fabric.plugins.precision.precision import _PRECISION_INPUT
from lightning.pytorch.accelerators import CUDAAccelerator, MPSAccelerator
from lightning.pytorch.trainer.connectors.accelerator_connector import _AcceleratorConnector
from numpy.typing import NDArray
from torch import nn

from helpers.ensembles import briefly_trained
from imbclf.errors import UserError
from imbclf.models.build import build_backbone
from imbclf.models.scoring_copy import scoring_copy
from imbclf.prediction import scoring
from imbclf.prediction.scoring import (
    PRECISIONS,
    check_precision,
    depthwise_share,
    pick_device,
    resolve_precision,
    score_images,
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


def _images(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def _spied_copies(monkeypatch: pytest.MonkeyPatch, many: int) -> Mock:
    monkeypatch.setattr(scoring, "MANY", many)
    spy = Mock(wraps=scoring_copy)
    monkeypatch.setattr(scoring, "scoring_copy", spy)
    return spy


def test_scores_are_those_of_the_whole_network_which_stays_what_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spy = _spied_copies(monkeypatch, many=50)
    backbone = briefly_trained("shufflenet_v2_x0_5", 32, seed=0)
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    network, images = backbone.network, _images(50)
    scores = score_images(backbone, images, np.arange(50), CPU, batch_size=3)
    assert spy.called
    assert not any(isinstance(m, nn.BatchNorm2d) for m in scoring_copy(backbone).modules())
    with torch.inference_mode():
        whole = backbone(torch.from_numpy(images)).numpy()
        exact = deepcopy(backbone).double()(torch.from_numpy(images)).numpy()
    # float32 loses a part of either, which depends on the machine, but as much of the one as of
    # the other: 0.9 to 1.5 times as much in twelve networks.
    assert np.linalg.norm(scores - exact) < 3 * np.linalg.norm(whole - exact)
    assert np.linalg.norm(whole - exact) < 1e-4 * np.linalg.norm(exact)
    assert backbone.network is network
    after = backbone.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_few_images_and_fewer_bits_are_scored_by_the_network_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spy = _spied_copies(monkeypatch, many=8)
    backbone = briefly_trained("shufflenet_v2_x0_5", 32, seed=0)
    score_images(backbone, _images(8), np.arange(7), CPU)
    score_images(backbone, _images(8), np.arange(8), CPU, precision="bf16-mixed")
    assert not spy.called
    score_images(backbone, _images(8), np.arange(8), CPU)
    assert spy.called


@pytest.mark.parametrize("many", [1, 5000])
def test_threads_that_score_with_one_network_do_not_disturb_each_other(
    many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server answers in threads; one of them may score by a copy, another by the network."""
    spy = _spied_copies(monkeypatch, many)
    backbone = briefly_trained("shufflenet_v2_x0_5", 32, seed=0)
    images, network = _images(8), backbone.network

    def score(_: int) -> NDArray[np.float64]:
        return score_images(backbone, images, np.arange(8), CPU)

    alone = score(0)
    with ThreadPoolExecutor(3) as threads:
        answers = [*threads.map(score, range(24))]
    assert all((answer == alone).all() for answer in answers)
    assert spy.called == (many == 1)
    assert backbone.network is network


def test_calls_of_other_networks_do_not_fail_while_one_is_fused() -> None:
    fused, other = (briefly_trained("shufflenet_v2_x0_5", 32, seed=0) for _ in range(2))
    images = torch.from_numpy(_images(2))
    with torch.inference_mode():
        expected = other(images)
    with ThreadPoolExecutor(1) as threads, torch.inference_mode():
        copies = [threads.submit(scoring_copy, fused) for _ in range(10)]
        while not all(copy.done() for copy in copies):
            assert torch.equal(other(images), expected)
    assert all(copy.result() is not fused for copy in copies)


@pytest.mark.parametrize("has_cuda", [False, True])
@pytest.mark.parametrize("has_mps", [False, True])
@pytest.mark.parametrize("processor", ["arm", "i386"])
@pytest.mark.parametrize("disabled", ["0", "1"])
def test_auto_is_the_device_that_training_takes(
    has_cuda: bool, has_mps: bool, processor: str, disabled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: int(has_cuda))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: has_mps)
    monkeypatch.setattr(platform, "processor", lambda: processor)
    monkeypatch.setenv("DISABLE_MPS", disabled)
    is_mps = inspect.unwrap(FabricMPS.is_available)  # its answer is kept for the process
    monkeypatch.setattr(FabricMPS, "is_available", staticmethod(is_mps))
    available = {"mps": MPSAccelerator.is_available(), "cuda": CUDAAccelerator.is_available()}
    chosen = "cpu"
    if any(available.values()):
        chosen = _AcceleratorConnector._choose_gpu_accelerator_backend()
    assert pick_device("auto").type == chosen
    for name, exists in available.items():
        if exists:
            assert pick_device(name).type == name
        else:
            with pytest.raises(UserError, match=f"accelerator={name}: this machine has no such"):
                pick_device(name)
