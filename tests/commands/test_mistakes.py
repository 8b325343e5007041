"""Invalid options: one message each, before an image is decoded."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from helpers.commands import call, small

MISTAKES = {
    "optim.lr=-1": "lr",
    "optim.lr=nan": "lr",
    "optim.lr=fast": "lr",
    "cv.folds=1": "cv.folds=1",
    "cv.fold=3": "cv.fold=3: expected 0 to 2",
    "cv.folds=31": "30",  # the largest K that works is the number of the minority
    "data.batch_size=0": "data.batch_size=0: expected 2 or more",
    "trainer.accelerator=gpu": "trainer",
    "trainer.accelerator=tpux": "accelerator",
    "model.name=resnet19": "resnet18",
    "model.weights=nowhere.pth": "nowhere.pth",
    "model.weights=~nosuch/w.pth": "model.weights=~nosuch/w.pth is neither a file nor",
    "model.mean=[a,b,c]": "model.mean=['a', 'b', 'c']: expected a number for each of three",
    "model.mean=0.5": "model.mean=0.5: expected",
    "model.std=[nan,nan,nan]": "model.std=[nan, nan, nan]: expected a number above 0",
    "model.std=[1,0,1]": "model.std=[1, 0, 1]: expected a number above 0",
    "loss=focall": "did you mean focal?",
    "loss.gama=2": "unknown option loss.gama",
    "+trainer.gradient_clip_vall=1": "did you mean trainer.gradient_clip_val?",
    "trainer.max_epochs=-1": "trainer.max_epochs=-1: expected a whole number",
    "trainer.limit_train_batches=0": "trainer.limit_train_batches=0: leaves none",
    "trainer.limit_train_batches=0.01": "trainer.limit_train_batches=0.01: leaves none",
    "trainer.limit_val_batches=0.5": "trainer.max_epochs or trainer.limit_train_batches",
    "trainer.max_steps=6": "trainer.max_steps cannot be chosen",
    "trainer.check_val_every_n_epoch=2": "whole epochs",
    "seed=5000000000": "seed=5000000000: expected a whole number, 0 to 4294967295",
    "seed=-1": "seed=-1: expected",
    "sead=1": "did you mean seed?",
    "epochs=3": "unknown option epochs; did you mean trainer.max_epochs?",
    "device=cpu": "unknown option device; did you mean trainer.accelerator?",
    "pretrained=false": "unknown option pretrained; did you mean model.weights?",
    "learning_rate=1e-3": "unknown option learning_rate; did you mean optim.lr?",
    "trainer.epochs=2": "did you mean trainer.max_epochs?",
    "holdout=0.2": "did you mean data.holdout?",
    "hydra.run.dir=faces/label_train.txt/run": "Not a directory",
    "hydra.run.dir=/proc/run": "/proc/run",
    "data.cache_dir=/proc/cache": "data.cache_dir=FOLDER",
    "data.image_size=[64]": "data.image_size=[64]: expected pixels, one number or [height,width]",
    "data.image_size=[64,64,3]": "data.image_size=[64, 64, 3]: expected pixels",
    "data.image_size=abc": "data.image_size=abc: expected pixels",
    "data.image_size=64.5": "data.image_size=64.5: expected pixels",
    "data.image_size=[a,b]": "data.image_size=['a', 'b']: expected pixels",
    "data.image_size=true": "data.image_size=True: expected pixels",
    "data.image_size=[100000,100000]": "data.image_size=[100000, 100000]: expected pixels",
    "data.label_map=abc": "data.label_map=abc: expected the label of each spelling",
    "data.label_map=[0,1]": "data.label_map=[0, 1]: expected the label of each spelling",
    "data.make=abc": "data.make=abc: expected a function of the folder",
    "sampler.seed=3": "sampler.seed is set by imbclf itself",
    "sampler.labels=1": "sampler.labels is set by imbclf itself",
    "data.images=label_train.txt": "label_train.txt",
}


def one_message(capsys: pytest.CaptureFixture[str], *mistake: str) -> str:
    """Train on the folder `faces` with a mistake; return the message, after nothing was decoded."""
    assert call("train", *small(Path("faces")), "tracking=none", *mistake) == 2
    errors = capsys.readouterr().err
    assert errors.count("error: ") == 1
    assert "Traceback" not in errors
    assert not list(Path().rglob("pixels.bin")), "an image was decoded"
    assert not list(Path().rglob("config.yaml")), "a run directory in which nothing was computed"
    return errors


@pytest.mark.filterwarnings("ignore")  # of Lightning
@pytest.mark.parametrize(("mistake", "expected"), MISTAKES.items())
def test_a_mistake_is_one_message(
    mistake: str,
    expected: str,
    make_folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("imbclf.cli.sweep.folder", None)
    make_folder()
    assert expected in one_message(capsys, mistake)


def test_images_without_shifted_views_are_refused_before_training(
    make_folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = small(make_folder(), "tracking=none", "data.image_size=1", "cv.tta=shift")
    assert call("train", *arguments) == 2
    assert "cv.tta=shift: images of 1x1 pixels cannot be shifted" in capsys.readouterr().err
    assert not list(tmp_path.rglob("metrics.csv"))


SWEEPS = {
    "loss=glob(f*)": "loss.gama; did you mean loss.gamma?",
    "loss=glob(zz*)": "loss=glob(zz*): expected a choice",
    "seed=interval(1,2)": "Can only enumerate",
}


@pytest.mark.parametrize(("mistake", "expected"), SWEEPS.items())
def test_a_mistake_in_a_sweep_is_reported_before_its_first_job(
    mistake: str,
    expected: str,
    make_folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("imbclf.cli.sweep.folder", None)
    make_folder()
    gama = ["loss.gama=2"] if "(f*)" in mistake else []
    assert expected in one_message(capsys, "-m", mistake, *gama)


REQUIRED = {
    "predict": ("ckpt=run", "data.dir=photos"),
    "evaluate": ("ckpt=run", "data.dir=photos"),
    "export": ("ckpt=run",),
    "compare": ("runs=[run]",),
    "explore": ("data.dir=photos",),
    "gather": ("sweep=sweep",),
}


@pytest.mark.parametrize("mistake", ["overwrite=no", "overwrite=off", "overwrite=1"])
@pytest.mark.parametrize("command", REQUIRED)
def test_overwrite_must_be_a_boolean(
    command: str,
    mistake: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(command, *REQUIRED[command], mistake) == 2
    assert f"error: {mistake}: expected true or false\n" in capsys.readouterr().err


def test_int8_must_be_a_boolean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("export", "ckpt=run", "int8=no") == 2
    assert "error: int8=no: expected true or false\n" in capsys.readouterr().err


def test_more_epochs_of_a_finished_run_are_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "summary.json").write_text("{}")
    assert call("train", f"resume={tmp_path}", "trainer.max_epochs=8") == 2
    message = capsys.readouterr().err
    assert "this run is finished, and its results stay as they are" in message
    assert "with trainer.max_epochs=8" in message
    assert f"cv.start_from={tmp_path}" in message
    assert f"Its report was not written; write it with  imbclf-report {tmp_path}" in message
    (tmp_path / "report.html").touch()
    assert call("train", f"resume={tmp_path}") == 2
    assert "imbclf-report" not in capsys.readouterr().err


def test_a_run_that_was_refused_may_be_corrected_in_its_folder(
    make_folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = make_folder(images=100)
    largest = next((folder / "train_img").iterdir())
    with Image.open(largest) as image:
        image.resize((40, 40)).save(largest)
    command = small(folder, "tracking=none", "trainer.max_epochs=1", "cv.folds=2", "cv.fold=0")
    command += ["hydra.run.dir=run"]
    assert call("train", *command) == 2
    assert "data.image_size=" in capsys.readouterr().err
    assert call("train", *command, "data.image_size=32") == 0
    assert call("train", *command, "data.image_size=24") == 2
    assert "holds a run of another configuration" in capsys.readouterr().err
