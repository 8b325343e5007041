"""Networks and augmentations of one's own from a shell: trained, resumed, predicted, exported."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from helpers.commands import call, small
from helpers.imagenet_weights import NAME, write_lite0
from imbclf.models import allowed_networks
from imbclf.tracking.mlflow_store import global_tracking_uri

MODULE = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self, width: int = 8):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 3, 2), nn.BatchNorm2d(width), nn.ReLU(), nn.Dropout(0.2),
            nn.AdaptiveAvgPool2d(1), nn.Flatten())
    def forward(self, images):
        return self.layers(images)
class Open(nn.Module):
    def __init__(self, **options):
        super().__init__()
        assert not options, options
        self.last = nn.Linear(3, 1)
    def forward(self, images):
        return self.last(images.mean((2, 3)))
class Noise(nn.Module):
    def forward(self, images):
        assert images.shape[1] == 3 and images.dtype == torch.uint8
        return (images + torch.randint_like(images, 20)).clamp(max=255)
def foreign(head=None):
    from imbclf.models.architecture import Architecture
    from imbclf.models.backbone import Backbone
    described = Architecture(name="mine", input_size=None, stem="standard", mean=[.5] * 3,
                             std=[.5] * 3, head={}, probe=None)
    return Backbone(Net(), head(width=8), described)
"""
OWN = "own_networks_of_test"
ALLOWED = f"model._target_={OWN}.Net"


@pytest.fixture
def arguments(
    make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"{OWN}.py").write_text(MODULE)
    monkeypatch.delitem(sys.modules, OWN, raising=False)
    given = [
        one for one in small(make_folder(60, 20)) if not one.startswith(("model", "cv", "data.b"))
    ]
    return [*given, "cv.folds=2", "data.batch_size=12"]


@pytest.fixture(autouse=True)
def nothing_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command is a process of its own, which the one before has allowed nothing."""
    monkeypatch.setattr(allowed_networks, "_allowed", {})


def command(name: str, *arguments: str) -> int:
    allowed_networks._allowed.clear()
    return call(name, *arguments)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([f"model._target_={OWN}.foreign"], "no predictor could build mine again"),
        (["model._target_=torch.nn.Identity"], "made [2, 3, 64, 64] of images"),
        ([ALLOWED, "model.wdth=3"], "unknown option model.wdth; did you mean model.width?"),
        ([ALLOWED, "model.width=x"], "model.width=x: expected a whole number"),
        ([ALLOWED, "model.input_size=0"], "model.input_size=0: expected pixels"),
        ([f"model._target_={OWN}.Open", "head=cosine"], "returns one logit"),
        ([f"model._target_={OWN}.Nothing"], "no such class or function"),
        (["model=timm", "model.name=resnet10"], "no network of timm. Nearest: resnet10t"),
    ],
)
def test_what_does_not_fit_is_one_message(
    arguments: list[str], capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert command("train", *arguments, *options) == 2
    error = capsys.readouterr().err
    assert error.startswith("imbclf-train: error: ")
    assert said in error


@pytest.mark.slow
def test_a_network_of_ones_own_from_training_to_mlflow(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = str(next(one for one in arguments if one.startswith("data.dir="))[9:])
    given = [*arguments, "model.width=6", ALLOWED, f"augment._target_={OWN}.Noise"]
    assert command("train", *given, "hydra.run.dir=whole") == 0
    assert f"whole IMAGES {ALLOWED}" in capsys.readouterr().out

    # Dropout and augmentation draw the same numbers again.
    assert command("train", *given, "hydra.run.dir=again") == 0
    assert Path("whole/oof.csv").read_bytes() == Path("again/oof.csv").read_bytes()

    predict = ["ckpt=whole", f"data.dir={images}/train_img"]
    assert command("predict", *predict, "out=refused") == 2
    assert f"allow it: {ALLOWED}" in capsys.readouterr().err
    assert command("predict", *predict, "out=p", ALLOWED) == 0
    assert command("export", "ckpt=whole", "out=e", "format=pt2", ALLOWED) == 0
    assert command("report", "run=whole", ALLOWED) == 0
    assert "saliency maps are left out" not in capsys.readouterr().out
    manifest = json.loads(Path("whole/predictor/predictor.json").read_text())
    described = manifest["members"][0]["architecture"]
    assert (described["name"], described["options"]) == (f"{OWN}.Net", {"width": 6})

    allowed_networks.allow_network(f"{OWN}.Net")
    uri = f"sqlite:///{tmp_path}/outputs/mlflow/mlflow.db"
    with global_tracking_uri(uri):
        model = mlflow.pyfunc.load_model(f"runs:/{Path('whole/tracking_run').read_text()}/model")
    found = model.predict(np.zeros((2, 32, 32, 3), np.uint8))
    assert len(found) == 2
    assert len(pd.read_csv("p/predictions.csv")) == 60


@pytest.mark.slow
def test_transforms_of_torchvision_from_a_shell(arguments: list[str]) -> None:
    given = [
        *arguments,
        ALLOWED,
        "tracking=none",
        "augment._target_=torchvision.transforms.v2.Compose",
        "augment.transforms=[{_target_: torchvision.transforms.v2.RandomHorizontalFlip},"
        "{_target_: torchvision.transforms.v2.ColorJitter, brightness: 0.2}]",
    ]
    assert command("train", *given, "hydra.run.dir=one") == 0
    assert command("train", *given, "hydra.run.dir=two") == 0
    assert Path("one/oof.csv").read_bytes() == Path("two/oof.csv").read_bytes()


@pytest.mark.slow
def test_a_network_of_timm_from_training_to_int8(
    arguments: list[str], make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    shutil.rmtree("faces")
    images = str(make_folder(280, 100))
    arguments = [one for one in arguments if not one.startswith("data.dir=")]
    arguments.append(f"data.dir={images}")
    given = [*arguments, "model=timm", f"model.name={NAME}", "optim.frozen=0.5", "tracking=none"]
    weights = write_lite0(tmp_path)
    options = [f"model.weights={weights}", "model.probe=true", "optim.head_lr=1e-2", "cv.fold=0"]
    assert command("train", *given, *options, "hydra.run.dir=run") == 0
    weights.unlink()
    assert command("predict", "ckpt=run", f"data.dir={images}/train_img", "out=p") == 0
    assert command("export", "ckpt=run", "out=onnx", "int8=true", "images=40") == 0
    assert command("export", "ckpt=run", "out=pt2", "format=pt2") == 0
    assert len(pd.read_csv("p/predictions.csv")) == 280
