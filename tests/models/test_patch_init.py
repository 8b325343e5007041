"""The first filters of a network, drawn from the images."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imbclf.models.build import build_backbone
from imbclf.models.patch_init import first_convolution, patch_filters, start_from_patches
from imbclf.training.initialization import prepare_filters

CPU = torch.device("cpu")
LABELS = np.repeat([0, 1], [20, 100])


def smooth(images: int, side: int, seed: int = 0) -> torch.Tensor:
    """Pictures whose neighboring pixels resemble each other."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(images, 3, side, side, generator=generator)
    return 3 * F.avg_pool2d(noise, 3, stride=1, padding=1)


@pytest.mark.parametrize(
    "convolution",
    [nn.Conv2d(3, 64, 7, stride=2, bias=False), nn.Conv2d(3, 16, 3), nn.Conv2d(3, 40, 4, stride=4)],
)
def test_responses_have_variance_one_and_little_in_common(convolution: nn.Conv2d) -> None:
    pixels = smooth(300, 32)
    before = convolution(pixels).detach()
    start_from_patches(nn.Sequential(convolution), pixels, seed=0)
    responses = convolution(pixels).detach().permute(1, 0, 2, 3).flatten(1)
    np.testing.assert_allclose(responses.std(dim=1), 1, atol=0.15)
    if convolution.bias is not None:
        np.testing.assert_allclose(responses.mean(dim=1), 0, atol=0.1)
    likeness = [
        float(np.abs(np.corrcoef(maps) - np.eye(len(maps))).mean())
        for maps in (responses.numpy(), before.permute(1, 0, 2, 3).flatten(1).numpy())
    ]
    assert likeness[0] < likeness[1]


def test_a_filter_answers_to_its_patch_more_than_to_any_other() -> None:
    """Whitened, a patch resembles itself most; in raw pixels all smooth patches are alike."""
    pixels = smooth(50, 14)
    convolution = nn.Conv2d(3, 8, 7, stride=7)
    start_from_patches(nn.Sequential(convolution), pixels, seed=3)
    responses = convolution(pixels).detach().permute(1, 0, 2, 3).flatten(1)
    best, second = responses.topk(2, dim=1).values.T
    assert (best > 1.5 * second).all()


def test_it_depends_on_the_seed_alone() -> None:
    pixels = smooth(60, 21)
    weights = []
    for seed in (0, 0, 1):
        convolution = nn.Conv2d(3, 8, 7)
        start_from_patches(nn.Sequential(convolution, nn.ReLU()), pixels, seed)
        weights.append(convolution.weight.detach())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_filters_do_not_come_from_the_first_images_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may lie class by class; of large images two hundred suffice."""
    seen: list[int] = []

    def spy(patches: Tensor, *given: Any) -> tuple[Tensor, Tensor]:  # noqa: ANN401
        seen.extend({int(value) for value in patches[:, 0].tolist()})
        return patch_filters(patches, *given)

    monkeypatch.setattr("imbclf.models.patch_init.patch_filters", spy)
    images = torch.arange(1000.0).view(-1, 1, 1, 1).expand(-1, 3, 224, 224)
    start_from_patches(nn.Conv2d(3, 8, 7, stride=2), images, seed=0)
    assert len(seen) == 200
    # Of 1000 images 500 come first: 200 hold 100 of them, give or take 7.
    assert 70 < sum(image < 500 for image in seen) < 130


def test_networks_that_do_not_begin_with_such_a_convolution_stay_as_they_are() -> None:
    network = nn.Sequential(nn.Conv2d(4, 8, 3), nn.Conv2d(8, 3, 1), nn.Conv2d(3, 8, 3))
    assert first_convolution(network) is None
    assert first_convolution(nn.Sequential(nn.Linear(2, 2))) is None
    before = [parameter.clone() for parameter in network.parameters()]
    start_from_patches(network, smooth(9, 12), seed=0)
    for was, now in zip(before, network.parameters(), strict=True):
        assert torch.equal(was, now)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "vit_b_32", "densenet121"])
def test_torchvisions_networks_have_one(name: str) -> None:
    convolution = first_convolution(build_backbone(name).network)
    assert convolution is not None
    assert convolution.in_channels == 3


def test_of_a_fold_only_fit_images_are_looked_at_and_only_the_first_layer_changes() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (120, 32, 32, 3), dtype=np.uint8)
    rows = np.arange(0, 120, 2)
    found = []
    for value in (0, 255):
        pixels[1::2] = value
        torch.manual_seed(0)
        backbone = build_backbone("resnet18", patch_filters=True)
        before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
        prepare_filters(backbone, pixels, LABELS, rows, CPU, "32-true", seed=0)
        after = backbone.state_dict()
        changed = [name for name in before if not torch.equal(before[name], after[name])]
        assert changed == ["network.conv1.weight"]
        found.append(after["network.conv1.weight"].clone())
    assert torch.equal(*found)


def test_without_being_asked_and_with_pretrained_weights_nothing_changes(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    torch.manual_seed(0)
    plain = build_backbone("shufflenet_v2_x0_5")
    weights = tmp_path_factory.mktemp("weights") / "own.pt"
    stored = {k.removeprefix("network."): v for k, v in plain.state_dict().items()}
    torch.save({k: v for k, v in stored.items() if not k.startswith("head")}, weights)
    pixels = np.zeros((120, 32, 32, 3), dtype=np.uint8)
    pretrained = build_backbone("shufflenet_v2_x0_5", weights=str(weights), patch_filters=True)
    for backbone in (plain, pretrained):
        before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
        prepare_filters(backbone, pixels, LABELS, np.arange(120), CPU, "32-true", seed=0)
        for name, tensor in backbone.state_dict().items():
            assert torch.equal(tensor, before[name])
