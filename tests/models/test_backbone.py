import json
import pickle
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from torchvision.models import (
    VisionTransformer,
    get_model,
    get_model_builder,
    get_model_weights,
    list_models,
)
from torchvision.transforms import v2

from imbclf.errors import UserError
from imbclf.models.architecture import Architecture
from imbclf.models.backbone import Backbone
from imbclf.models.build import build_backbone, rebuild_backbone
from imbclf.models.heads import LinearHead
from imbclf.models.input_check import check_input
from imbclf.models.pretrained_weights import load_weights
from imbclf.models.torchvision_models import SkipRandomInit

NAMES = list_models(module=torchvision.models)
QUICK = {"googlenet", "shufflenet_v2_x0_5", "squeezenet1_1"}
REAL_PARAMETERS = 100_000_000  # larger networks go through the shape-only pass alone
CONF = Path(__file__).parents[2] / "conf"


def random_images(number: int, side: int, seed: int = 0) -> Tensor:
    generator = np.random.default_rng(seed)
    return torch.from_numpy(generator.integers(0, 256, (number, side, side, 3), dtype=np.uint8))


def smallest_side(name: str) -> int:
    side: int = get_model_weights(name).DEFAULT.meta["min_size"][0]
    return max(side, 32)


def number_of_parameters(name: str) -> int:
    number: int = get_model_weights(name).DEFAULT.meta["num_params"]
    return number


@pytest.fixture
def parameters_without_data() -> Iterator[None]:
    """Networks are built in no time and no memory: each parameter has a shape alone."""

    def to_meta(_: nn.Module, __: str, parameter: nn.Parameter | None) -> nn.Parameter | None:
        return None if parameter is None else nn.Parameter(parameter.to("meta"))

    replace: Callable[..., Any] = to_meta
    hook = register_module_parameter_registration_hook(replace)
    yield
    hook.remove()


# Every classifier of torchvision


def test_torchvision_lists_its_classifiers() -> None:
    assert len(NAMES) > 70


@pytest.mark.slow
@pytest.mark.usefixtures("parameters_without_data")
@pytest.mark.parametrize("name", NAMES)
def test_shapes_of_every_classifier(name: str) -> None:
    backbone = build_backbone(name).to("meta").train()
    images = torch.empty(2, *[smallest_side(name)] * 2, 3, dtype=torch.uint8, device="meta")
    with torch.no_grad():
        features = backbone.features(images)
    assert features.shape == (2, backbone.head.in_features)
    assert backbone.head.out_features == 1
    assert not any("aux" in key.lower() for key in backbone.state_dict())
    assert sum(p.numel() for p in backbone.parameters()) < number_of_parameters(name)


def smallest_of_each_kind() -> list[str]:
    """Return the smallest network of each module of torchvision, which ends as its others do."""
    smallest: dict[str, str] = {}
    for name in sorted(NAMES, key=number_of_parameters):
        smallest.setdefault(get_model_builder(name).__module__, name)
    return [name for name in smallest.values() if number_of_parameters(name) < REAL_PARAMETERS]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow)
        for name in smallest_of_each_kind()
    ],
)
def test_weights_features_and_gradients_of_every_kind_of_classifier(
    name: str, tmp_path: Path
) -> None:
    """The file of a 143-class network gives what entered that network's layer of 143 scores."""
    takes_scaled_input = name in ("googlenet", "inception_v3")
    options = {"transform_input": True, "init_weights": False} if takes_scaled_input else {}
    original = get_model(name, num_classes=143, **options).eval()
    weights = tmp_path / "weights.pth"
    torch.save(original.state_dict(), weights)
    backbone = build_backbone(name, weights=str(weights)).eval()
    weights.unlink()  # of all networks together they would fill a small disk
    images = random_images(2, smallest_side(name))

    entered: list[Tensor] = []

    def remember(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if output.shape[1] == 143:
            entered.append(inputs[0])

    for layer in original.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            layer.register_forward_hook(remember)
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    normalize = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)])
    with torch.no_grad():
        original(normalize(images.permute(0, 3, 1, 2)))
        features = backbone.features(images)
    [expected] = entered
    if expected.ndim == 4:
        expected = expected.mean(dim=(2, 3))
    torch.testing.assert_close(features, expected, rtol=1e-3, atol=1e-4 * float(expected.std()))

    logits = backbone.train()(images)
    assert logits.shape == (2,)
    assert logits.isfinite().all()
    logits.sum().backward()
    assert [key for key, p in backbone.named_parameters() if p.grad is None] == []


# Images in


class Pixels(nn.Module):
    """A network whose features are the pixels it is given."""

    def forward(self, images: Tensor) -> Tensor:
        assert images.is_contiguous(memory_format=torch.channels_last)
        return images.flatten(1)


def pixel_backbone(
    side: int, input_size: int | None = None, mean: float = 0.0, std: float = 1.0
) -> Backbone:
    architecture = Architecture(
        name="pixels",
        input_size=input_size,
        stem="standard",
        mean=[mean] * 3,
        std=[std] * 3,
        head={"name": "linear"},
        probe=None,
    )
    return Backbone(Pixels(), LinearHead(3 * side * side), architecture)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_normalization_is_that_of_torchvision(dtype: torch.dtype) -> None:
    architecture = build_backbone("squeezenet1_1").architecture
    backbone = Backbone(Pixels(), LinearHead(3 * 8 * 8), architecture)
    images = random_images(4, 8)
    transform = get_model_weights("squeezenet1_1").DEFAULT.transforms(crop_size=8, resize_size=8)
    expected = transform(images.permute(0, 3, 1, 2))
    torch.testing.assert_close(backbone.features(images.to(dtype)), expected.flatten(1))


@pytest.mark.parametrize("size", [8, 13, 16, 40])
def test_resizing_is_that_of_pillow(size: int) -> None:
    images = random_images(2, 16)
    found = pixel_backbone(size, input_size=size).features(images).view(2, 3, size, size)
    shape, filtering = (size, size), Image.Resampling.BILINEAR
    expected = [np.array(Image.fromarray(i.numpy()).resize(shape, filtering)) for i in images]
    difference = found.permute(0, 2, 3, 1) * 255 - torch.tensor(np.stack(expected))
    assert difference.abs().max() < 1.01  # Pillow rounds twice


def test_normalization_can_be_given_and_is_checked() -> None:
    backbone = build_backbone("squeezenet1_1", mean=(0.1, 0.2, 0.3), std=(1.0, 2.0, 4.0))
    expected = (0.5 - torch.tensor([0.1, 0.2, 0.3])) / torch.tensor([1.0, 2.0, 4.0])
    gray = torch.full((3,), 127.5)
    torch.testing.assert_close(gray * backbone.scale.flatten() + backbone.shift.flatten(), expected)
    for wrong in ({"mean": (0.5,)}, {"std": (1.0, 0.0, 1.0)}):
        with pytest.raises(UserError, match=f"model.{next(iter(wrong))}="):
            build_backbone("squeezenet1_1", **wrong)


def test_autocast_does_not_round_logits() -> None:
    torch.manual_seed(0)
    backbone = build_backbone("squeezenet1_1").eval()
    assert isinstance(backbone.head, LinearHead)
    nn.init.normal_(backbone.head.weight)
    images = random_images(8, 64)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        features, logits = backbone.features(images), backbone(images)
    expected = features.double() @ backbone.head.weight[0].double() + backbone.head.bias.double()
    assert features.dtype == torch.bfloat16
    # A sum of 512 float32 products errs by some 1e-5; rounding to bfloat16 by some 1e-2.
    torch.testing.assert_close(logits.double(), expected, rtol=0, atol=2e-4)


# Building


def test_rebuilt_from_its_architecture_it_gives_the_same_logits() -> None:
    backbone = build_backbone("squeezenet1_0", input_size=48, stem="small", mean=(0.4, 0.5, 0.6))
    architecture = json.loads(json.dumps(backbone.architecture))
    rebuilt = rebuild_backbone(architecture)
    rebuilt.load_state_dict(backbone.state_dict())
    images = random_images(2, 32)
    assert rebuilt.architecture == backbone.architecture
    assert torch.equal(rebuilt.eval()(images), backbone.eval()(images))


def test_head_and_backbone_share_out_the_parameters() -> None:
    backbone = build_backbone("shufflenet_v2_x0_5")
    assert isinstance(backbone.head, LinearHead)
    head = {id(p) for p in backbone.head_parameters()}
    rest = {id(p) for p in backbone.backbone_parameters()}
    assert head.isdisjoint(rest)
    assert head | rest == {id(p) for p in backbone.parameters()}
    assert [p.shape for p in backbone.head_parameters()] == [(1, 1024), (1,)]
    assert backbone.head.weight.abs().max() < 0.1
    assert backbone.head.bias == 0


@pytest.mark.parametrize(
    "name", ["resnet81", "ResNet18", "os.system", "torchvision.models.resnet18", "get_model", ""]
)
def test_other_names_mean_nothing(name: str) -> None:
    with pytest.raises(UserError, match=r"model\.name=.*Nearest: .*"):
        build_backbone(name)


def test_nearest_name_is_offered() -> None:
    with pytest.raises(UserError, match=r"Nearest: .*mobilenet_v3_small"):
        build_backbone("mobilenetv3_small")


@pytest.mark.usefixtures("parameters_without_data")
def test_size_and_normalization_are_those_of_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: object) -> None: ...

    monkeypatch.setattr("imbclf.models.build.weights_file", nothing)
    monkeypatch.setattr("imbclf.models.build.load_weights", nothing)
    assert build_backbone("vit_b_16").architecture["input_size"] == 224
    swag = build_backbone("vit_b_16", weights="IMAGENET1K_SWAG_E2E_V1")
    assert swag.architecture["input_size"] == 384
    assert build_backbone("vit_b_16", input_size=64).network.image_size == 64
    assert build_backbone("resnet18", weights="DEFAULT").architecture["input_size"] is None
    centerd = build_backbone("efficientnet_v2_l", weights="DEFAULT").architecture
    assert centerd["mean"] == centerd["std"] == [0.5, 0.5, 0.5]


@pytest.mark.usefixtures("parameters_without_data")
@pytest.mark.parametrize(("name", "size"), [("vit_b_16", 50), ("maxvit_t", 64), ("resnet18", 0)])
def test_impossible_input_size_is_refused(name: str, size: int) -> None:
    with pytest.raises(UserError, match=f"model.input_size={size}"):
        build_backbone(name, input_size=size)


@pytest.mark.usefixtures("parameters_without_data")
def test_too_small_images_are_refused_before_training() -> None:
    backbone = build_backbone("alexnet")
    check_input(backbone, 63, 70)
    with pytest.raises(UserError, match=r"alexnet .*32x32.*model\.input_size.*224"):
        check_input(backbone, 32, 32)
    check_input(build_backbone("alexnet", input_size=64), 32, 32)


@pytest.mark.parametrize(
    ("build", "least"),
    [
        (partial(build_backbone, "resnet18", probe=True), 8),
        (partial(build_backbone, "resnet18", patch_filters=True), 7),
    ],
)
def test_images_smaller_than_a_patch_are_refused_before_training(
    build: Callable[..., Backbone], least: int
) -> None:
    check_input(build_backbone("resnet18"), 1, 1)
    check_input(build(), least, least)
    check_input(build(input_size=least), 1, 1)
    with pytest.raises(UserError, match=rf"resnet18 .*{least - 1}x64.*model\.input_size"):
        check_input(build(), least - 1, 64)


@pytest.mark.parametrize("name", ["resnet18", "vit_b_16", "convnext_tiny"])
def test_a_network_to_look_at_draws_nothing_and_has_the_same_shapes(name: str) -> None:
    random_state = torch.get_rng_state()
    with SkipRandomInit():
        looked_at = build_backbone(name)
    assert torch.equal(torch.get_rng_state(), random_state)
    trained = build_backbone(name)
    assert not torch.equal(torch.get_rng_state(), random_state)
    shapes = {key: tensor.shape for key, tensor in trained.state_dict().items()}
    assert {key: tensor.shape for key, tensor in looked_at.state_dict().items()} == shapes
    assert looked_at.architecture == trained.architecture


def test_a_rebuilt_network_draws_nothing_and_is_the_same_once_it_has_its_weights() -> None:
    trained = build_backbone("swin_t").eval()  # has buffers that its constructor computes
    random_state = torch.get_rng_state()
    rebuilt = rebuild_backbone(trained.architecture).eval()
    assert torch.equal(torch.get_rng_state(), random_state)
    buffers = dict(trained.named_buffers())
    assert buffers
    assert all(torch.equal(buffers[name], tensor) for name, tensor in rebuilt.named_buffers())
    rebuilt.load_state_dict(trained.state_dict())
    images = random_images(2, 64)
    with torch.inference_mode():
        assert torch.equal(rebuilt(images), trained(images))


def test_checking_changes_nothing() -> None:
    backbone = build_backbone("shufflenet_v2_x0_5").train()
    before = {key: tensor.clone() for key, tensor in backbone.state_dict().items()}
    random_state = torch.get_rng_state()
    check_input(backbone, 64, 64)
    assert all(torch.equal(before[key], tensor) for key, tensor in backbone.state_dict().items())
    assert torch.equal(random_state, torch.get_rng_state())


# The stem for small images


def first_block_side(backbone: Backbone, first_block: str) -> int:
    sides: list[int] = []
    block = backbone.network.get_submodule(first_block)
    block.register_forward_pre_hook(lambda _, inputs: sides.append(inputs[0].shape[-1]))
    check_input(backbone, 64, 64)
    return sides[0]


@pytest.mark.usefixtures("parameters_without_data")
@pytest.mark.parametrize(
    ("name", "first_block"),
    [
        ("resnet18", "layer1"),
        ("densenet121", "features.denseblock1.denselayer1.norm1"),
        ("googlenet", "conv2"),
        ("squeezenet1_0", "features.3"),
    ],
)
def test_small_stem_keeps_the_resolution(name: str, first_block: str) -> None:
    side = first_block_side(build_backbone(name), first_block)
    assert 14 <= side <= 16
    assert first_block_side(build_backbone(name, stem="small"), first_block) == 64


@pytest.mark.parametrize("name", ["shufflenet_v2_x1_0", "inception_v3", "alexnet", "vit_b_16"])
@pytest.mark.usefixtures("parameters_without_data")
def test_small_stem_needs_a_large_one(name: str) -> None:
    with pytest.raises(UserError, match=rf"model\.stem=small: {name}"):
        build_backbone(name, stem="small")


def test_small_stem_and_weights_exclude_each_other() -> None:
    with pytest.raises(UserError, match=r"model\.stem=small .*model\.weights=null"):
        build_backbone("resnet18", weights="DEFAULT", stem="small")
    tiny: Any = "tiny"
    with pytest.raises(UserError, match=r"model\.stem=tiny"):
        build_backbone("resnet18", stem=tiny)


# Weights


@pytest.fixture(scope="module")
def published() -> dict[str, Tensor]:
    """A state dict as torchvision might publish one for shufflenet_v2_x0_5."""
    state: dict[str, Tensor] = get_model("shufflenet_v2_x0_5", num_classes=143).state_dict()
    return state


def loaded(weights: str) -> dict[str, Tensor]:
    state: dict[str, Tensor] = build_backbone(
        "shufflenet_v2_x0_5", weights=weights
    ).network.state_dict()
    return state


def assert_loaded(weights: str, published: dict[str, Tensor]) -> None:
    state = loaded(weights)
    assert state.keys() == published.keys() - {"fc.weight", "fc.bias"}
    assert all(torch.equal(tensor, published[key]) for key, tensor in state.items())


def test_weights_from_safetensors(tmp_path: Path, published: dict[str, Tensor]) -> None:
    save_file(published, tmp_path / "weights.safetensors")
    assert_loaded(str(tmp_path / "weights.safetensors"), published)


def test_weights_by_name_come_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, published: dict[str, Tensor]
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    file_name = get_model_weights("shufflenet_v2_x0_5").DEFAULT.url.split("/")[-1]

    def fail(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    folder = tmp_path / "hub" / "checkpoints"
    with pytest.raises(UserError) as refusal:
        loaded("DEFAULT")
    for way_on in ("model.weights=null", "model.weights=FILE", f"{file_name} into {folder}"):
        assert way_on in str(refusal.value)

    def download(url: str, dst: str, hash_prefix: str) -> None:
        assert dst == str(folder / file_name)
        assert f"-{hash_prefix}." in url
        torch.save(published, dst)

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    assert_loaded("DEFAULT", published)
    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    assert_loaded("IMAGENET1K_V1", published)


def test_neither_file_nor_name(tmp_path: Path) -> None:
    for weights in (str(tmp_path / "absent.pth"), "IMAGENET1K_V7", str(tmp_path)):
        with pytest.raises(UserError, match=r"neither a file nor .* IMAGENET1K_V1, DEFAULT"):
            loaded(weights)


def test_misfits_are_listed(tmp_path: Path, published: dict[str, Tensor]) -> None:
    broken = dict(published)
    for number in range(5):
        broken[f"extra{number}"] = torch.zeros(1)
    del broken["conv1.0.weight"]
    broken["conv5.0.weight"] = torch.zeros(7, 8)
    broken["conv5.1.bias"] = torch.full((1024,), torch.nan)
    torch.save(broken, tmp_path / "weights.pth")
    with pytest.raises(UserError) as refusal:
        loaded(str(tmp_path / "weights.pth"))
    for part in (
        "1 missing (conv1.0.weight)",
        "5 unexpected (extra0, extra1, extra2, ...)",
        "1 of another shape (conv5.0.weight [7, 8] instead of [1024, 192, 1, 1])",
        "1 not finite (conv5.1.bias)",
    ):
        assert part in str(refusal.value)


def test_names_of_older_files_are_understood(tmp_path: Path) -> None:
    network = VisionTransformer(8, 4, 2, 2, 8, 16)
    state = network.state_dict()
    old = {
        k.replace("mlp.0.", "mlp.linear_1.").replace("mlp.3.", "mlp.linear_2."): t
        for k, t in state.items()
    }
    assert old.keys() != state.keys()
    torch.save(old, tmp_path / "vit.pth")
    load_weights(network, tmp_path / "vit.pth", head="none")

    state = get_model("densenet121").state_dict()
    pieces = ("norm", "conv")
    old = {}
    for key, tensor in state.items():
        for piece in pieces:
            if "denselayer" in key:
                key = key.replace(f".{piece}1.", f".{piece}.1.").replace(
                    f".{piece}2.", f".{piece}.2."
                )
        if "num_batches_tracked" not in key:
            old[key] = tensor
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "densenet.pth")
    network = build_backbone("densenet121", weights=str(tmp_path / "densenet.pth")).network
    last = "features.denseblock4.denselayer16.conv2.weight"
    assert torch.equal(network.state_dict()[last], state[last])


class Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.filterwarnings("ignore:Environment variable TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")
@pytest.mark.parametrize("saved_by", ["torch", "pickle"])
def test_code_in_a_file_is_not_run(
    saved_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    weights, trace = tmp_path / "weights.pth", tmp_path / "trace"
    content = {"conv1.0.weight": torch.zeros(1), "other": Payload(trace)}
    if saved_by == "torch":
        torch.save(content, weights)
    else:
        weights.write_bytes(pickle.dumps(content))
    with pytest.raises(UserError, match="cannot be read as weights"):
        loaded(str(weights))
    assert not trace.exists()
    if saved_by == "torch":
        torch.load(weights, weights_only=False)
        assert trace.exists()  # the payload is live


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights at all", b"PK\x03\x04" + bytes(100)])
def test_damaged_files_are_refused(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"{path.name} cannot be read as weights"):
        loaded(str(path))


@pytest.mark.parametrize("content", [torch.zeros(3), {"model": {"a": torch.zeros(1)}}, [1, 2]])
def test_other_contents_are_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(UserError, match="not a state dict"):
        loaded(str(tmp_path / "weights.pth"))


# Configuration

CONFIGURED = sorted(
    path.stem
    for path in (CONF / "model").glob("*.yaml")
    if not path.stem.startswith("_") and path.stem != "timm"  # it takes any name
)


@pytest.mark.usefixtures("parameters_without_data")
@pytest.mark.parametrize("name", CONFIGURED)
def test_every_configured_model_is_built(name: str) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        model = compose(overrides=[f"+model={name}", "+data.default_weights=null"]).model
    backbone = instantiate(model)
    assert backbone.architecture["name"] == name
    check_input(backbone, 64, 64)


def test_models_are_configured() -> None:
    assert len(CONFIGURED) >= 13
