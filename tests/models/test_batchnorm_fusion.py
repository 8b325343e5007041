"""A network without its batch norms says what it said with them."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import deepcopy
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

from helpers.ensembles import briefly_trained
from imbclf.models.batchnorm_fusion import folded, without_batch_norms
from imbclf.prediction.scoring import score_images

NETWORKS = (
    *("resnet18", "mobilenet_v3_small", "efficientnet_b0", "densenet121", "regnet_y_400mf"),
    *("shufflenet_v2_x0_5", "convnext_tiny", "googlenet", "vgg11_bn", "mnasnet0_5"),
)


@pytest.mark.parametrize("name", NETWORKS)
def test_features_are_the_same_but_for_rounding(name: str) -> None:
    network = briefly_trained(name, 64, seed=0).network.double()
    images = torch.randn(3, 3, 64, 64, dtype=torch.float64)
    copy = without_batch_norms(network)
    with torch.inference_mode():
        expected, answer = network(images), copy(images)
    torch.testing.assert_close(answer, expected, rtol=1e-9, atol=1e-9 * float(expected.std()))
    folds = any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    assert (copy is not network) == folds
    left = sum(isinstance(layer, nn.BatchNorm2d) for layer in copy.modules())
    # Where the norm comes before the convolution, as in a DenseNet, only some can go.
    assert left == 0 or name == "densenet121"


def test_scores_are_those_of_the_whole_network_which_stays_what_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("imbclf.prediction.scoring.MANY", 50)
    spy = Mock(wraps=fuse)
    monkeypatch.setattr("imbclf.models.batchnorm_fusion.fuse", spy)
    backbone = briefly_trained("shufflenet_v2_x0_5", 32, seed=0)
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    network = backbone.network
    images = np.random.default_rng(0).integers(0, 256, (50, 32, 32, 3), dtype=np.uint8)
    cpu = torch.device("cpu")
    scores = score_images(backbone, images, np.arange(50), cpu, batch_size=3, fold_norms=True)
    assert spy.called
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


def test_threads_that_score_with_one_network_do_not_disturb_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While torch.fx reads a network, calls of all networks fail; a server answers in threads."""
    monkeypatch.setattr("imbclf.prediction.scoring.MANY", 1)
    backbone = briefly_trained("shufflenet_v2_x0_5", 32, seed=0)
    images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)

    def score(_: int) -> NDArray[np.float64]:
        return score_images(backbone, images, np.arange(8), torch.device("cpu"))

    with ThreadPoolExecutor(3) as threads:
        answers = [*threads.map(score, range(12))]
    assert all((answer == answers[0]).all() for answer in answers)


def test_the_network_comes_back_when_scoring_breaks() -> None:
    backbone = briefly_trained("shufflenet_v2_x0_5", 32, seed=0)
    network = backbone.network
    with suppress(KeyboardInterrupt), folded(backbone, "32-true"):
        assert backbone.network is not network
        raise KeyboardInterrupt
    assert backbone.network is network
    with folded(backbone, "bf16-mixed"):
        assert backbone.network is network


class Branching(nn.Module):
    """What torch.fx cannot read: the way depends on the images."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2))

    def forward(self, images: Tensor) -> Tensor:
        answer: Tensor = self.layers(images)
        return answer if images.mean() > 0 else -answer


def test_a_network_that_cannot_be_read_is_used_as_it_is() -> None:
    branching = Branching().eval()
    assert without_batch_norms(branching) is branching
    plain = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU())
    assert without_batch_norms(plain) is plain
    compiled = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2)).eval()
    compiled.compile()
    assert without_batch_norms(compiled) is compiled
