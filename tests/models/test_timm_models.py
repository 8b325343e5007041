"""Networks of timm by name, without weights; timm itself is what they are compared with."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sklearn.datasets import load_sample_images
from torch import Tensor
from torch.nn import functional as F

from helpers.imagenet_weights import NAME, lite0_state, write_lite0
from imbclf.errors import UserError
from imbclf.models.build import rebuild_backbone
from imbclf.models.freezing import stages_of
from imbclf.models.input_check import check_input
from imbclf.models.probes.build import build_probe
from imbclf.models.scoring_copy import scoring_copy
from imbclf.models.timm_models import build_timm_backbone
from imbclf.models.usual_side import usual_side
from imbclf.prediction.fold_model_files import save_fold_model
from imbclf.reporting.run_report.weights_license import weights_license
from imbclf.testing import check_backbone

timm = pytest.importorskip("timm")
NAMES = (
    "resnet10t",
    "vit_tiny_patch16_224",
    "tf_efficientnet_lite0",
    "convnext_atto",
    "mobilenetv4_conv_small",
)
every_network = pytest.mark.parametrize("name", NAMES)


def random_images(number: int, side: int) -> Tensor:
    draws = np.random.default_rng(0)
    return torch.from_numpy(draws.integers(0, 256, (number, side, side, 3), dtype=np.uint8))


@every_network
def test_features_are_those_of_timm(name: str, tmp_path: Path) -> None:
    """A file of a 7-class network gives what enters that network's layer of 7 scores."""
    torch.manual_seed(0)
    original = timm.create_model(name, num_classes=7).eval()
    save_file(original.state_dict(), tmp_path / "w.safetensors")
    backbone = build_timm_backbone(name, weights=str(tmp_path / "w.safetensors")).eval()
    assert backbone.is_pretrained
    config = timm.data.resolve_model_data_config(original)
    images = random_images(2, 224)
    mean, std = (torch.tensor(config[key]).view(3, 1, 1) for key in ("mean", "std"))
    with torch.no_grad():
        inner = original.forward_features((images.permute(0, 3, 1, 2) / 255 - mean) / std)
        expected = original.forward_head(inner, pre_logits=True)
        features = backbone.features(images)
    scale = float(expected.std())
    torch.testing.assert_close(features, expected, rtol=1e-3, atol=1e-3 * scale)
    assert backbone.head.in_features == expected.shape[1]


@every_network
def test_a_network_is_rebuilt_scored_fast_and_probed(name: str) -> None:
    backbone = build_timm_backbone(name).eval()
    again = rebuild_backbone(json.loads(json.dumps(backbone.architecture))).eval()
    assert again.architecture == backbone.architecture
    again.load_state_dict(backbone.state_dict())
    images = random_images(2, 64)
    with torch.no_grad():
        logits = backbone(images)
        assert torch.equal(again(images), logits)
        torch.testing.assert_close(scoring_copy(again)(images), logits, rtol=1e-3, atol=1e-4)
    check_input(backbone, 64, 64)
    backbone.architecture["probe"] = "stages"
    assert build_probe(backbone) is not None
    assert usual_side(backbone.architecture) == timm.get_pretrained_cfg(name).input_size[-1]


@every_network
def test_stages_are_in_the_order_of_timm(name: str) -> None:
    """Layers that timm groups, from the input on, never come back in an earlier stage of ours."""
    network: Any = build_timm_backbone(name).network
    matcher = network.group_matcher(coarse=False)
    number = timm.models.group_parameters(network, matcher, reverse=True)
    names = {id(parameter): key for key, parameter in network.named_parameters()}
    last = -1
    for stage in stages_of(network):
        groups = [number[names[id(parameter)]] for parameter in stage.parameters()]
        assert min(groups) >= last, (name, groups, last)
        last = max(groups)
    assert last > 2


@pytest.mark.slow
@every_network
def test_each_keeps_the_contract_of_networks(name: str) -> None:
    check_backbone(lambda: timm.create_model(name, num_classes=0), size=224, export=False)


def test_size_colors_and_interpolation_are_those_of_the_weights() -> None:
    lite = build_timm_backbone(NAME, input_size=96)
    assert lite.architecture["mean"] == lite.architecture["std"] == [0.5] * 3
    assert lite.architecture["license"] is None  # of random weights
    images = random_images(1, 48)
    pixels = images.permute(0, 3, 1, 2) / 127.5 - 1
    expected = F.interpolate(pixels, (96, 96), mode="bicubic")
    torch.testing.assert_close(lite.normalize(images), expected, rtol=1e-4, atol=1e-4)
    vit = build_timm_backbone("vit_tiny_patch16_224")
    assert vit.architecture["input_size"] == 224
    small = build_timm_backbone("vit_tiny_patch16_224", input_size=64)
    assert small.normalize(random_images(1, 48)).shape == (1, 3, 64, 64)
    assert small(random_images(2, 48)).shape == (2,)


def test_a_folder_of_timm(tmp_path: Path) -> None:
    torch.manual_seed(0)
    original = timm.create_model("resnet10t", num_classes=5).eval()
    save_file(original.state_dict(), tmp_path / "model.safetensors")
    config = {
        "architecture": "resnet10t",
        "num_classes": 5,
        "pretrained_cfg": {**original.pretrained_cfg, "num_classes": 5, "mean": [0.1] * 3},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    backbone = build_timm_backbone(f"local-dir:{tmp_path}", weights="DEFAULT").eval()
    assert backbone.architecture["mean"] == [0.1] * 3
    own, theirs = backbone.network.state_dict(), original.state_dict()
    assert all(torch.equal(tensor, theirs[key]) for key, tensor in own.items())
    rebuilt = rebuild_backbone(backbone.architecture)  # no longer needs the folder
    assert rebuilt.architecture["name"] == "resnet10t"
    stated = timm.get_pretrained_cfg("resnet10t").license
    assert rebuilt.architecture["license"] == backbone.architecture["license"] == stated
    folder = tmp_path / "run" / "predictor"
    rule = {"threshold": 0.0, "slope": 1.0, "intercept": 0.0, "temperature": 1.0, "prior": 0.5}
    images = {"image_size": [64, 64], "label_names": ["0", "1"]}
    assert weights_license(tmp_path / "run") is None
    described = {"architecture": backbone.architecture, **rule, **images}
    save_fold_model(folder, 0, described, dict(backbone.state_dict()))
    assert weights_license(tmp_path / "run") == (
        f"Training began with timm's weights resnet10t, whose license is {stated}."
    )


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: build_timm_backbone("resnet10"), "no network of timm. Nearest: resnet10t"),
        (
            lambda: build_timm_backbone("resnet10t.no"),
            r"Invalid pretrained tag.*resnet10t\.c3_in1k",
        ),
        (lambda: build_timm_backbone("local-dir:/no"), "local-dir:FOLDER with a config.json"),
        (lambda: build_timm_backbone("resnet10t", weights="no"), "neither a file nor DEFAULT"),
        (lambda: build_timm_backbone("resnet10t", input_size=0), "model.input_size=0"),
    ],
)
def test_what_does_not_fit_is_one_message(build: Callable[[], object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        build()


def test_a_file_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    state = timm.create_model("resnet10t", num_classes=0).state_dict()
    del state["bn1.weight"]
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(UserError, match=r"1 missing \(bn1\.weight\)"):
        build_timm_backbone("resnet10t", weights=str(tmp_path / "w.safetensors"))


@pytest.mark.parametrize(
    "stored",
    [{"options": {"checkpoint_path": "x.pth"}}, {"name": "hf-hub:some/one"}, {"options": None}],
)
def test_a_description_loads_no_files(stored: dict[str, Any]) -> None:
    described = {**build_timm_backbone("resnet10t").architecture, **stored}
    with pytest.raises(ValueError, match="expected a name of timm's"):
        rebuild_backbone(described)


def test_without_timm_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match=r"model=timm needs timm: .*pip install .*\[timm\]"):
        build_timm_backbone("resnet10t")


def test_imagenet_weights_know_photographs(tmp_path: Path) -> None:
    """The test helper's names are right: a palace and a flower, of photographs that ship."""
    network = timm.create_model(NAME)
    network.load_state_dict(lite0_state())
    backbone = build_timm_backbone(NAME, weights=str(write_lite0(tmp_path))).eval()
    classes = {"china.jpg": "palace", "flower.jpg": "daisy"}
    sample = load_sample_images()
    for path, image in zip(sample.filenames, sample.images, strict=True):
        left = (image.shape[1] - 427) // 2
        pixels = torch.from_numpy(image[:, left : left + 427].copy())[None].permute(0, 3, 1, 2)
        side = F.interpolate(pixels.float(), (224, 224), mode="bicubic", antialias=True)
        with torch.no_grad():
            features = backbone.features(side.permute(0, 2, 3, 1))
            found = network.eval().classifier(features).argmax()
        info = timm.data.ImageNetInfo()
        assert classes[Path(path).name] in info.index_to_description(int(found))
