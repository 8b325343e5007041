"""Trainings that end in their middle: a loss that breaks, memory and disks that do not suffice."""

import io
import itertools
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

import pytest
import torch
from mlflow import MlflowClient

from helpers.commands import run, small
from imbclf.errors import Interrupted, UserError
from imbclf.prediction.fold_model import read_checkpoint
from imbclf.tracking.mlflow_store import embedded_uri
from imbclf.training.checkpoint_io import AtomicCheckpointIO, BackgroundCheckpointIO
from imbclf.utils.out_of_memory import explain_out_of_memory

MINE = """
import resource
from torch import nn

class Loss(nn.BCEWithLogitsLoss):
    '''Breaks, or needs more memory than there is, from the second half of training on.'''

    def __init__(self, breaks: bool = False, tight: bool = False):
        super().__init__()
        self.breaks, self.tight, self.late = breaks, tight, False
        self.limit(resource.getrlimit(resource.RLIMIT_AS)[1])  # an earlier job's no more

    def limit(self, size):
        resource.setrlimit(resource.RLIMIT_AS, (size, resource.getrlimit(resource.RLIMIT_AS)[1]))

    def set_progress(self, fraction):
        self.late = fraction >= 0.5
        if self.late and self.tight:
            pages = int(open("/proc/self/statm").read().split()[0])
            self.limit(pages * resource.getpagesize() + 2**28)

    def forward(self, logits, targets):
        loss = super().forward(logits, targets)
        if self.late and self.tight:
            loss = loss + logits.new_zeros(2**28).sum()
        return loss * float("nan") if self.late and self.breaks and self.training else loss
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of MLflow's own code
def test_a_loss_that_breaks_fails_its_run_keeps_its_epoch_and_lets_the_sweep_go_on(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    folder = make_folder()
    arguments = small(folder, "loss._target_=mine.Loss", "hydra.sweep.dir=sweep", "cv.folds=2")
    done = run("train", *arguments, "-m", "+loss.breaks=true,false", cwd=tmp_path)
    assert done.returncode != 0
    assert "failed   job 1 of 2: loss.breaks=true: " in done.stdout
    assert "fold 0, epoch 2, step 1: the loss is no longer finite (nan)" in done.stdout
    assert "optim.lr" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "sweep" / "0" / "summary.json").exists()
    assert (tmp_path / "sweep" / "1" / "summary.json").exists()

    best = tmp_path / "sweep" / "0" / "fold_0" / "best.ckpt"
    card, weights = read_checkpoint(best)
    assert card["epoch"] == 0
    assert all(tensor.isfinite().all() for tensor in weights.values())
    images = f"data.dir={folder / 'val_img'}"
    assert run("predict", f"ckpt={best}", images, cwd=tmp_path).returncode == 0

    client = MlflowClient(embedded_uri(tmp_path / "outputs" / "mlflow"))
    experiments = [one.experiment_id for one in client.search_experiments()]
    found = {run.info.run_name: run.info.status for run in client.search_runs(experiments)}
    assert found == {
        "loss.breaks=true": "FAILED",
        "loss.breaks=true/fold_0": "FAILED",
        "loss.breaks=false": "FINISHED",
        "loss.breaks=false/fold_0": "FINISHED",
        "loss.breaks=false/fold_1": "FINISHED",
    }


@pytest.mark.slow
def test_memory_that_runs_out_names_a_batch_size_and_lets_the_sweep_go_on(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    options = ("loss._target_=mine.Loss", "hydra.sweep.dir=sweep", "cv.folds=2", "tracking=none")
    arguments = small(make_folder(), *options)
    done = run("train", *arguments, "-m", "+loss.tight=true,false", cwd=tmp_path)
    assert done.returncode != 0
    assert "fold 0: memory ran out; try data.batch_size=16 (it is 32)" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "sweep" / "0" / "summary.json").exists()
    assert (tmp_path / "sweep" / "1" / "summary.json").exists()


def test_other_errors_and_the_smallest_batch_are_told_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), explain_out_of_memory("fold 0", 8):
        raise RuntimeError("shapes differ")
    with pytest.raises(UserError, match="smaller images"), explain_out_of_memory("fold 0", 2):
        raise torch.OutOfMemoryError("CUDA out of memory")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Room for the first epoch's checkpoints, but not for the second's beside them."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("only root can make a small disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("tracking", ["none", "mlflow"])
def test_a_full_disk_leaves_the_last_good_checkpoint_to_go_on_from(
    make_folder: Callable[..., Path], tmp_path: Path, small_disk: Path, tracking: str
) -> None:
    options = ("trainer.max_epochs=3", "cv.fold=0", f"tracking={tracking}")
    arguments = [*small(make_folder(), *options), "optim=adam"]
    assert run("train", *arguments, "hydra.run.dir=whole", cwd=tmp_path).returncode == 0
    done = run("train", *arguments, "hydra.run.dir=disk/run", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "No space left on device" in done.stderr
    assert "imbclf-train resume=disk/run" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    fold = small_disk / "run" / "fold_0"
    last = torch.load(fold / "last.ckpt", weights_only=True)
    assert last["epoch"] < 2
    assert not list(small_disk.rglob("*.tmp"))
    assert read_checkpoint(fold / "best.ckpt")[0]["epoch"] < 2

    grown = ["mount", "-o", "remount,size=64m", str(small_disk)]
    subprocess.run(grown, check=True)
    done = run("train", "resume=disk/run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("oof.csv", "predictor/fold_0.safetensors"):
        assert (small_disk / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.slow
def test_a_full_disk_for_the_cache_is_one_message(
    make_folder: Callable[..., Path], tmp_path: Path, small_disk: Path
) -> None:
    folder = make_folder()
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"):
        filler.write_bytes(bytes(2**24))
    with filler.open("r+b") as file:
        file.truncate(filler.stat().st_size - 2**17)  # the images need three times as much
    arguments = small(folder, "data.cache_dir=disk/cache", "tracking=none", "hydra.run.dir=run")
    done = run("train", *arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "Cannot keep decoded images in disk/cache" in done.stderr
    assert "data.cache_dir=FOLDER" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not list(small_disk.rglob("pixels.bin"))
    filler.unlink()
    assert run("train", *arguments, cwd=tmp_path).returncode == 0


def test_a_checkpoint_that_finds_no_room_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    good = {"weights": torch.ones(1000)}
    AtomicCheckpointIO().save_checkpoint(good, path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match=r"File too large.*last\.ckpt"):
            AtomicCheckpointIO().save_checkpoint({"weights": torch.ones(10**6)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert torch.equal(torch.load(path, weights_only=True)["weights"], good["weights"])
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]
    assert torch.serialization.get_crc32_options()  # as others that save find it


def test_what_is_written_in_the_background_is_the_state_when_it_was_given(tmp_path: Path) -> None:
    writer = BackgroundCheckpointIO()
    weights = torch.zeros(3)
    for number in range(10):
        writer.save_checkpoint({"weights": weights, "epoch": number}, tmp_path / f"{number}.ckpt")
        weights += 1
    writer.teardown()
    for number in range(10):
        kept = torch.load(tmp_path / f"{number}.ckpt", weights_only=True)
        assert kept["epoch"] == number
        assert kept["weights"].tolist() == [number] * 3


def test_a_slow_disk_is_waited_for_before_a_third_checkpoint_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, free = threading.Event(), threading.Event()
    save = torch.save

    def slow(checkpoint: object, file: Any) -> None:  # noqa: ANN401
        began.set()
        assert free.wait(30)
        save(checkpoint, file)

    monkeypatch.setattr(torch, "save", slow)
    writer = BackgroundCheckpointIO()
    for name in ("best.ckpt", "last.ckpt"):
        writer.save_checkpoint({"weights": torch.ones(3)}, tmp_path / name)
    assert began.wait(30)
    third = threading.Thread(
        target=writer.save_checkpoint, args=({"weights": torch.ones(3)}, tmp_path / "best.ckpt")
    )
    third.start()
    third.join(0.2)
    assert third.is_alive()
    free.set()
    third.join(30)
    assert not third.is_alive()
    writer.teardown()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["best.ckpt", "last.ckpt"]


def test_nothing_is_written_behind_a_checkpoint_that_could_not_be(tmp_path: Path) -> None:
    missing = tmp_path / "file" / "best.ckpt"
    missing.parent.touch()  # a file where a folder should be
    writer = BackgroundCheckpointIO()
    writer.save_checkpoint({"weights": torch.ones(3)}, missing)
    writer.save_checkpoint({"weights": torch.ones(3)}, tmp_path / "last.ckpt")
    with pytest.raises(OSError, match="file"):
        writer.save_checkpoint({"weights": torch.ones(3)}, tmp_path / "later.ckpt")
    with pytest.raises(OSError, match="file"):
        writer.teardown()
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


INTERRUPTED = """
import sys
from threading import Thread

import torch

from imbclf.training.checkpoint_io import BackgroundCheckpointIO
from imbclf.errors import Interrupted

start = Thread.start

def interrupted(thread):
    start(thread)
    raise Interrupted(2)

Thread.start = interrupted
writer = BackgroundCheckpointIO()
try:
    writer.save_checkpoint({"weights": torch.ones(3)}, sys.argv[1])
except Interrupted:
    writer.teardown()
    print("stopped")
"""


@pytest.mark.slow
def test_an_interruption_while_a_checkpoint_is_begun_ends_the_process(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    command = [sys.executable, "-c", INTERRUPTED, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "stopped\n", "")
    assert torch.equal(torch.load(path, weights_only=True)["weights"], torch.ones(3))


@pytest.mark.parametrize("call", [1, 4, 10])
def test_an_interruption_while_a_checkpoint_is_written_stays_one(
    call: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.ckpt"
    good = {"weights": torch.ones(1000)}
    AtomicCheckpointIO().save_checkpoint(good, path)
    save, calls = torch.save, itertools.count(1)

    class Signalled(io.RawIOBase):
        """As if the signal came in one of the writes that torch asks for."""

        def write(self, data: Any) -> int:  # noqa: ANN401
            if next(calls) == call:
                raise Interrupted(15)
            return len(data)

    signalled = cast(IO[bytes], Signalled())
    monkeypatch.setattr(torch, "save", lambda checkpoint, _: save(checkpoint, signalled))
    with pytest.raises(Interrupted):
        AtomicCheckpointIO().save_checkpoint({"weights": torch.zeros(1000)}, path)
    assert torch.equal(torch.load(path, weights_only=True)["weights"], good["weights"])
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]
