"""Mistakes in prediction, and images without read permission."""

import ctypes
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

from helpers.commands import call, small
from helpers.ensembles import write_predictor
from imbclf.models.backbone import Backbone
from imbclf.models.build import build_backbone
from imbclf.prediction.decision_options import AIMS

CAPABILITY_DROP, DAC_OVERRIDE, DAC_READ_SEARCH = 24, 1, 2  # of linux/prctl.h, capability.h


def network(seed: int) -> Backbone:
    torch.manual_seed(seed)
    return build_backbone("shufflenet_v2_x0_5")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a predictor `run` for images of 32x32 and some `photos`."""
    monkeypatch.chdir(tmp_path)
    write_predictor(tmp_path / "run" / "predictor", network, 32)
    (tmp_path / "photos").mkdir()
    random = np.random.default_rng(0)
    for number in range(3):
        pixels = random.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a prediction that must be refused; return its only message."""
    capsys.readouterr()
    assert call("predict", *arguments) == 2
    message = capsys.readouterr().err
    assert message.count("error: ") == 1
    assert "Traceback" not in message
    return message


@pytest.mark.slow
def test_prediction_mistakes_are_one_message(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "empty").mkdir()
    (place / "nothing").mkdir()
    usual = ("ckpt=run", "data.dir=photos", "out=out")
    assert "no image" in refused(capsys, "ckpt=run", "data.dir=empty").lower()
    assert "nowhere" in refused(capsys, "ckpt=run", "data.dir=nowhere")
    assert "run=nothing: expected a run directory" in refused(capsys, "ckpt=nothing", *usual[1:])
    assert "run is needed" in refused(capsys, "data.dir=photos")
    assert "did you mean threshold?" in refused(capsys, *usual, "treshold=1")
    assert "unknown option tracking: this command" in refused(capsys, *usual, "tracking=none")
    (place / "names.csv").write_text("file\nelsewhere.png\nfar.png\n")
    said = refused(capsys, "run", "names.csv")
    assert "2 of 2 files are not in" in said
    assert "data.dir=FOLDER data.labels=" in said
    for name in ("threshold", "prior", "confidence", *AIMS):
        for value in ("abc", "nan", "[1]", "true"):
            message = refused(capsys, *usual, f"{name}={value}")
            assert f"{name}={yaml.safe_load(value)}: expected a number, or null" in message
    assert call("export", "ckpt=run", "out=exported", "prior=abc") == 2
    assert "prior=abc: expected a number" in capsys.readouterr().err
    assert "precision=bf16_mixed: expected one of" in refused(
        capsys, *usual, "precision=bf16_mixed"
    )

    assert call("predict", *usual) == 0
    before = (place / "out" / "predictions.csv").read_bytes()
    message = refused(capsys, *usual)
    assert "out=out: holds predictions already; choose another or overwrite=true" in message
    assert (place / "out" / "predictions.csv").read_bytes() == before
    assert call("predict", *usual, "overwrite=true") == 0

    write_predictor(place / "other" / "predictor", network, 24)
    assert "these runs cannot be joined" in refused(
        capsys, "ckpt=[run,other]", "data.dir=photos", "out=mixed"
    )
    manifest = place / "run" / "predictor" / "predictor.json"
    manifest.write_text("{}")
    assert "predictor.json" in refused(capsys, *usual, "overwrite=true")


def test_images_of_the_same_name_in_several_folders_are_distinguished(place: Path) -> None:
    for name in ("b", "a/deep"):
        (place / "photos" / name).mkdir(parents=True)
        for image in (place / "photos").glob("*.png"):
            shutil.copy(image, place / "photos" / name)
        for image in (place / "photos" / name).glob("*.png"):  # each of another brightness
            Image.open(image).point(lambda value, name=name: value // (1 + len(name))).save(image)
    assert call("predict", "ckpt=run", "data.dir=photos", "out=out") == 0
    table = pd.read_csv(place / "out" / "predictions.csv")
    names = [f"{folder}{number}.png" for folder in ("", "a/deep/", "b/") for number in range(3)]
    assert sorted(table["file"]) == sorted(names)
    assert table["score"].nunique() == 9
    alone = ("ckpt=run", "data.dir=photos/b", "out=b")
    assert call("predict", *alone) == 0
    ours = table[table["file"].str.startswith("b/")]["score"].to_numpy()
    np.testing.assert_allclose(
        pd.read_csv(place / "b" / "predictions.csv")["score"], ours, atol=1e-5
    )


def test_images_of_another_size_are_resized_to_that_of_training(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (90, 50)).save(place / "photos" / "3.png")
    assert call("predict", "ckpt=run", "data.dir=photos", "out=out") == 0
    assert len(pd.read_csv(place / "out" / "predictions.csv")) == 4
    assert "images       4" in capsys.readouterr().out


def drop_file_capabilities() -> None:
    """Remove root's capability to read all files, before the command starts."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for capability in (DAC_OVERRIDE, DAC_READ_SEARCH):
        if os.geteuid() == 0 and prctl(CAPABILITY_DROP, capability, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="drops Linux capabilities")
def test_images_without_read_permission_are_reported(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_folder(images=120)
    for number in (3, 7):
        (folder / "train_img" / f"{number:06d}.png").chmod(0)
    done = subprocess.run(
        [Path(sys.executable).with_name("imbclf-train"), *small(folder, "tracking=none")],
        cwd=tmp_path,
        preexec_fn=drop_file_capabilities,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "2 of 120 images in" in done.stderr
    assert "000003.png: " in done.stderr
    assert "ermission denied" in done.stderr
    assert "000007.png: " in done.stderr
    assert "data.on_corrupt=skip" in done.stderr


def test_an_archive_that_would_write_beside_its_folder_writes_nothing(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A checkpoint is an archive: it is read in place, whatever the names in it."""
    inner = place / "inner"
    inner.mkdir()
    for name in ("../evil.txt", "/tmp/imbclf-evil.txt", "archive/../../evil.txt"):
        with zipfile.ZipFile(inner / "best.ckpt", "w") as archive:
            archive.writestr("archive/data.pkl", b"\x80\x02}.")
            archive.writestr(name, "evil")
        message = refused(capsys, "ckpt=inner/best.ckpt", "data.dir=photos", "out=out")
        assert "inner/best.ckpt: not a checkpoint of imbclf-train" in message
    assert not list(place.rglob("*evil*"))
    assert not Path("/tmp/imbclf-evil.txt").exists()


def test_a_batch_that_is_larger_than_the_data_is_refused(
    make_folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It would be one step per epoch, which is hardly intended."""
    monkeypatch.chdir(tmp_path)
    arguments = small(make_folder(), "tracking=none", "data.batch_size=500")
    assert call("train", *arguments) == 2
    message = capsys.readouterr().err
    assert "data.batch_size=500: a fold is trained on" in message
    assert not list(tmp_path.rglob("pixels.bin"))
