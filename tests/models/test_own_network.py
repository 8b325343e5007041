"""A network of the user's own: described, rebuilt when allowed, refused in one message."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from imbclf.errors import UserError
from imbclf.models import allowed_networks
from imbclf.models.allowed_networks import allow_network, find_network
from imbclf.models.build import rebuild_backbone
from imbclf.models.heads import CosineHead, LogitHead
from imbclf.models.input_check import check_input
from imbclf.models.own_network import IMAGENET, build_own_backbone
from imbclf.testing import check_backbone
from imbclf.training.checks import check_freezing

IMAGES = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8))


class Net(nn.Module):
    def __init__(self, width: int = 4, outputs: int | None = None) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, width, 3)
        self.last = nn.Identity() if outputs is None else nn.Linear(width, outputs)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.last(self.convolution(images).relu().mean((2, 3)))
        return features


class Flat(Net):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).flatten()


class OneSize(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * 16 * 16, 5)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.layer(images.flatten(1))
        return features


NAME = f"{__name__}.Net"


@pytest.fixture(autouse=True)
def nothing_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowed_networks, "_allowed", {})


@pytest.mark.parametrize(
    ("network", "options"),
    [(Net, {}), (Net, {"width": 7}), (Net, {"outputs": 1}), (Flat, {"outputs": 1}), (OneSize, {})],
)
def test_a_rebuilt_network_computes_the_same(network: Any, options: dict[str, Any]) -> None:  # noqa: ANN401
    built = build_own_backbone(network, options, image_size=16).eval()
    again = rebuild_backbone(built.architecture).eval()
    assert again.architecture == built.architecture
    again.load_state_dict(built.state_dict())
    assert torch.equal(again(IMAGES), built(IMAGES))
    check_input(built, 16, 16)


def test_images_arrive_normalized_and_logits_are_its_own() -> None:
    built = build_own_backbone(Net, {"outputs": 1}).eval()
    assert isinstance(built.head, LogitHead)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in IMAGENET)
    pixels = (IMAGES.permute(0, 3, 1, 2) / 255 - mean) / std
    torch.testing.assert_close(built(IMAGES), built.network(pixels)[:, 0], rtol=1e-4, atol=1e-5)


def test_a_network_that_is_not_allowed_is_not_built() -> None:
    described = build_own_backbone(Net).architecture
    allowed_networks._allowed.clear()
    with pytest.raises(UserError, match=rf"model\._target_={NAME}"):
        rebuild_backbone(described)
    allow_network(f"{__name__}.OneSize")
    with pytest.raises(UserError, match="allow it"):
        rebuild_backbone(described)
    allow_network(NAME)
    assert type(rebuild_backbone(described).network) is Net


def test_a_variable_allows_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMBCLF_NETWORKS", f"my.Other,{NAME}")
    assert find_network(NAME) is Net
    with pytest.raises(UserError, match=r"my\.Other cannot be imported"):
        find_network("my.Other")


@pytest.mark.parametrize(
    "stored", [{"width": "x"}, {"width": 0}, {"options": [1]}, {"source": "x"}]
)
def test_a_damaged_description_is_refused(stored: dict[str, Any]) -> None:
    described = {**build_own_backbone(Net).architecture, **stored}
    with pytest.raises((TypeError, ValueError)):
        rebuild_backbone(described)


def raises() -> nn.Module:
    raise RuntimeError("no such file")


@pytest.mark.parametrize(
    ("network", "options", "said"),
    [
        (nn.Identity, {}, r"made \[2, 3, 64, 64\].*expected features \[2, D\] or"),
        (dict, {}, "made dict; expected a torch.nn.Module"),
        (raises, {}, "cannot be made: RuntimeError: no such file"),
        (Net, {"depth": 3}, "unexpected keyword argument 'depth'"),
        (Net, {"width": np.float32(3)}, "model.width: float32; expected a number, text"),
        (OneSize, {}, r"fails on float images \[2, 3, 64, 64\].*model.input_size=SIDE"),
    ],
)
def test_what_does_not_fit_is_one_message(network: Any, options: dict[str, Any], said: str) -> None:  # noqa: ANN401
    with pytest.raises(UserError, match=said):
        build_own_backbone(network, options)


def test_a_logit_has_no_place_for_another_head() -> None:
    with pytest.raises(UserError, match="returns one logit"):
        build_own_backbone(Net, {"outputs": 1}, head=partial(CosineHead, scale=3.0))


def test_a_frozen_network_of_logits_has_nothing_to_train(tmp_path: Path) -> None:
    torch.save(Net(outputs=1).state_dict(), tmp_path / "own.pth")
    own = build_own_backbone(Net, {"outputs": 1}, weights=str(tmp_path / "own.pth"))
    check_freezing(0.0, own)
    check_freezing(0.5, build_own_backbone(Net, {"outputs": 1}))  # random weights are not frozen
    with pytest.raises(UserError, match=r"optim\.frozen=0\.5: .*nothing to train"):
        check_freezing(0.5, own)


def test_weights_are_read_from_a_file(tmp_path: Path) -> None:
    torch.save(Net().state_dict(), tmp_path / "own.pth")
    built = build_own_backbone(Net, weights=str(tmp_path / "own.pth"))
    assert built.is_pretrained
    stored = torch.load(tmp_path / "own.pth", weights_only=True)
    assert torch.equal(
        built.network.state_dict()["convolution.weight"], stored["convolution.weight"]
    )
    with pytest.raises(UserError, match="does not fit the model"):
        build_own_backbone(Net, {"width": 5}, weights=str(tmp_path / "own.pth"))
    with pytest.raises(UserError, match="neither a file nor null"):
        build_own_backbone(Net, weights="DEFAULT")


# The check that users can call


class OfTheBatch(Net):
    def forward(self, images: Tensor) -> Tensor:
        features = super().forward(images)
        return features - features.mean(0)


class Noisy(Net):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) + torch.rand(1)


class Unused(Net):
    def __init__(self) -> None:
        super().__init__()
        self.spare = nn.Linear(2, 2)


class Hidden(Net):
    def __init__(self) -> None:
        super().__init__()
        self.shift = torch.rand(1)  # neither parameter nor buffer

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) + self.shift


class Branching(Net):
    def forward(self, images: Tensor) -> Tensor:
        features = super().forward(images)
        return features if float(features.detach().sum()) > -1e9 else -features


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (nn.Identity, "has to map images"),
        (OfTheBatch, "must not depend on the other images"),
        (Noisy, "the same of the same images"),
        (Unused, "without one: spare.weight, spare.bias"),
        (Hidden, "has to follow from its state_dict"),
        (Branching, "on the device `meta`"),
    ],
)
def test_the_check_names_what_is_broken(network: Any, said: str) -> None:  # noqa: ANN401
    with pytest.raises(AssertionError, match=said):
        check_backbone(network, size=16)


def test_the_check_passes_networks_that_work() -> None:
    check_backbone(Net, size=16)
    check_backbone(partial(Flat, outputs=1), size=16)
    check_backbone(OneSize, size=16)
