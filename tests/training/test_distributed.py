"""A fold trained on two devices: what one device of twice the batch trains, written once."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from helpers.command_server import StartedCommand
from helpers.commands import call, run, small, started

pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow's own code

# No batch statistics, which differ between shares of a batch, and nothing drawn for whole batches.
NORMED_BY_LAYER = ("model.name=convnext_tiny", "data.image_size=32", "trainer.precision=32")
WAYS = ("device SIGKILL", "device SIGTERM", "SIGTERM", "SIGINT", "SIGKILL", "terminal SIGINT")
TWO = ("trainer.devices=2", "trainer.accelerator=cpu", "data.batch_size=16")


def metrics(run: Path) -> pd.DataFrame:
    return pd.read_csv(run / "fold_0" / "metrics.csv")


@pytest.mark.slow
def test_two_devices_train_what_one_of_twice_the_batch_trains(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_folder(images=96)
    common = small(folder, *NORMED_BY_LAYER, "cv.fold=0", "optim=sgd", "optim.lr=1e-2")
    common += ["sampler=progressive", "loss.ramp=0.5", "optim.ema=0.9", "optim.frozen=0"]
    for name, devices in (("one", ("data.batch_size=32",)), ("two", TWO)):
        out = f"hydra.run.dir={name}"
        done = run("train", *common, *devices, out, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr
        assert "distributed" not in done.stdout + done.stderr
    one, two = metrics(tmp_path / "one"), metrics(tmp_path / "two")
    for name in ("train/loss", "dev/loss", "dev/auroc"):
        np.testing.assert_allclose(one[name], two[name], rtol=0.02)
    scores = [pd.read_csv(tmp_path / name / "oof.csv") for name in ("one", "two")]
    assert scores[0]["file"].tolist() == scores[1]["file"].tolist()  # each image once, in order
    np.testing.assert_allclose(scores[0]["score"], scores[1]["score"], atol=0.05)

    client = MlflowClient(f"sqlite:///{tmp_path / 'outputs' / 'mlflow' / 'mlflow.db'}")
    parent = (tmp_path / "two" / "tracking_run").read_text()
    found = client.search_runs(["1"], f"tags.`mlflow.parentRunId` = '{parent}'")
    (fold,) = found
    history = client.get_metric_history(fold.info.run_id, "train/loss")
    assert [row.value for row in history] == pytest.approx(two["train/loss"].tolist())
    assert fold.info.status == "FINISHED"

    done = run("predict", "ckpt=two", f"data.dir={folder / 'train_img'}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_unfreezing_and_a_sampler_that_learns_work_on_several_devices(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    """Parameters without gradients, and what the devices say of their images, brought together."""
    options = small(make_folder(images=96), "model.name=convnext_tiny", "data.image_size=32")
    options += ["sampler=hard", "optim.frozen=0.5", "model.is_pretrained=true", "cv.fold=0", *TWO]
    options = [option for option in options if "is_pretrained" not in option]
    done = run("train", *options, "tracking=none", "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_jobs_of_a_sweep_may_use_several_devices_each(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    """The devices of a job train its parameters: none starts the whole sweep again."""
    options = small(make_folder(images=60), "trainer.max_epochs=1", "cv.fold=0", "tracking=none")
    jobs = ("-m", "optim.lr=1e-3,0.5", "optim=sgd", "hydra.sweep.dir=sweep")
    assert run("train", *options, *TWO, *jobs, cwd=tmp_path).returncode == 0
    alone = ("optim=sgd", "optim.lr=0.5", "hydra.run.dir=alone")
    assert run("train", *options, *TWO, *alone, cwd=tmp_path).returncode == 0
    expected = (tmp_path / "alone" / "oof.csv").read_bytes()
    assert (tmp_path / "sweep" / "1" / "oof.csv").read_bytes() == expected
    assert (tmp_path / "sweep" / "0" / "oof.csv").read_bytes() != expected
    assert sorted(path.name for path in (tmp_path / "sweep").iterdir() if path.is_dir()) == [
        "0",
        "1",
    ]


def children(pid: int) -> list[int]:
    """Return the processes that train for another, in the order of their devices."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes()
        except (OSError, IndexError):
            continue
        if fields[1] == str(pid) and b"spawn_main" in command:
            found.append(int(folder.name))
    return sorted(found)


def training(arguments: Sequence[str], cwd: Path) -> tuple[StartedCommand, list[int]]:
    """Start or resume a training on two devices and wait for the end of an epoch."""
    checkpoint = cwd / "run" / "fold_0" / "last.ckpt"
    before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else None
    process = started("train", *arguments, cwd=cwd)
    while not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before:
        assert process.poll() is None, process.finish()
        time.sleep(0.05)
    return process, children(process.pid)


def gone(pids: list[int], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.1)
    return False


def stop(process: StartedCommand, devices: list[int], how: str) -> None:
    """Send a training a signal; what it says has to fit, and no process may be left."""
    *who, name = how.split()
    of_a_device = who == ["device"]
    if who == ["terminal"]:  # Ctrl-C goes to all of its processes
        os.killpg(process.pid, signal.SIGINT)
    else:
        os.kill(devices[1] if of_a_device else process.pid, signal.Signals[name])
    stopped = process.finish(kill_after=60)
    assert gone(devices), how
    assert "Traceback" not in stopped.stderr, how
    assert "leaked" not in stopped.stderr or name == "SIGKILL", how
    if of_a_device:
        assert stopped.returncode == 2, how
        assert f"fold 0: the process of device 1 was ended by {name}" in stopped.stderr
    elif name != "SIGKILL":
        assert stopped.returncode in (130, 143), how
        assert "resume with  imbclf-train resume=" in stopped.stdout, how


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")
def test_a_broken_off_training_leaves_no_process_and_goes_on(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    """One training, stopped in each way and resumed after each."""
    long = ("trainer.max_epochs=400", "cv.fold=0", "tracking=none", "hydra.run.dir=run", *TWO)
    arguments, done = small(make_folder(images=60), *long), 0
    for how in WAYS:
        process, devices = training(arguments, tmp_path)
        assert len(devices) == 2, how
        stop(process, devices, how)
        before, done = done, len(metrics(tmp_path / "run"))
        assert done > before, how
        arguments = ["resume=run"]
    config = tmp_path / "run" / "config.yaml"
    config.write_text(config.read_text().replace("max_epochs: 400", f"max_epochs: {done + 2}"))
    resumed = run("train", "resume=run", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert len(metrics(tmp_path / "run")) in (done + 2, done + 3)


@pytest.mark.slow
def test_what_goes_wrong_on_a_device_is_said_as_on_one(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    options = small(make_folder(images=60), "cv.fold=0", "tracking=none", *TWO)
    done = run("train", *options, "optim=sgd", "optim.lr=1e30", cwd=tmp_path)
    assert done.returncode == 2
    assert "fold 0, epoch 1, step" in done.stderr
    assert "the loss is no longer finite" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["trainer.strategy=fsdp"], "trainer: The strategy `fsdp` requires a GPU"),
        (["trainer.num_nodes=2"], "trainer.num_nodes=2: a fold is trained on the devices of one"),
        (
            ["trainer.max_epochs=0", "head=neighbors"],
            "trainer.devices: nothing is trained (trainer.max_epochs=0); choose 1",
        ),
    ],
)
def test_what_does_not_go_on_several_devices_is_refused(
    options: list[str],
    message: str,
    make_folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("train", *small(make_folder(), "tracking=none", *TWO, *options)) == 2
    err = capsys.readouterr().err
    assert message in err
    assert json.dumps(err).count("error:") == 1
