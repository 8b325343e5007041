"""What a training says of itself: epochs from 1, a line for each, and the time that is left."""

import fcntl
import logging
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from helpers.commands import run, small
from imbclf.cli.app.messages import configure_logging
from imbclf.evaluation.fold_files import read_epochs
from imbclf.training.pace import Workload

LINE = re.compile(
    r"fold (\d)   epoch (\d)/2  train loss (\S+); dev loss (\S+), HTER (\S+), AUROC (\S+)  "
    r"\(\S+ s, about .* left\)"
)
COLUMNS = 100
QUICK = ("cv.folds=2", "tracking=none", "data.cache_dir=cache", "hydra.run.dir=run")


@pytest.mark.parametrize("first", [0, 1])
def test_epochs_count_from_1_also_in_files_of_version_0_1(tmp_path: Path, first: int) -> None:
    path = tmp_path / "metrics.csv"
    pd.DataFrame({"epoch": [first, first + 1], "dev/hter": [0.5, 0.25]}).to_csv(path, index=False)
    assert read_epochs(path) == [{"epoch": 1, "dev/hter": 0.5}, {"epoch": 2, "dev/hter": 0.25}]


def test_the_time_left_is_that_of_all_epochs_and_scorings_to_come() -> None:
    work, step = Workload(epochs=3, steps=7, batch_size=16, dev=48, test=80), 0.25
    batches = {"dev": 48 / 16 / 3, "end": (48 + 80) / 16 / 3}  # in training steps
    expected = sum(  # this fold after its second epoch, and two whole ones
        7 * step + batches["dev"] * step for _ in range(1 + 3 + 3)
    ) + 3 * (batches["end"] * step)
    assert work.seconds_left(work.epoch_seconds(step), 2, folds=3) == pytest.approx(expected)


@pytest.mark.parametrize("terminal", [True, False])
def test_lines_of_epochs_are_left_out_on_a_terminal_and_always_in_the_log(
    tmp_path: Path,
    terminal: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    log = logging.getLogger("imbclf")
    try:
        configure_logging(tmp_path / "train.log")
        log.info("of an epoch", extra={"progress": True})
        log.info("of a fold")
    finally:
        configure_logging()
        log.handlers.clear()
    assert capsys.readouterr().out == ("" if terminal else "of an epoch\n") + "of a fold\n"
    assert "INFO of an epoch\n" in (tmp_path / "train.log").read_text()


@pytest.mark.slow
def test_without_a_terminal_each_epoch_has_its_line(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    done = run("train", *small(make_folder(), *QUICK), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = LINE.findall(done.stdout)
    assert told == LINE.findall((tmp_path / "run" / "train.log").read_text())
    assert [line[:2] for line in told] == [("0", "1"), ("0", "2"), ("1", "1"), ("1", "2")]
    for fold in (0, 1):
        table = pd.read_csv(tmp_path / "run" / f"fold_{fold}" / "metrics.csv")
        names = ["train/loss", "dev/loss", "dev/hter", "dev/auroc"]
        shown = [[float(number) for number in line[2:]] for line in told if line[0] == str(fold)]
        assert shown == table[names].round(4).to_numpy().tolist()
    assert len(re.findall(r"^time     about .* for 2 folds of 2 epochs$", done.stdout, re.M)) == 1


@pytest.mark.slow
def test_on_a_terminal_a_bar_names_fold_and_epoch(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    command = [str(Path(sys.executable).with_name("imbclf-train")), *small(make_folder(), *QUICK)]
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    with subprocess.Popen(command, cwd=tmp_path, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
    assert process.returncode == 0
    text = shown.decode()
    assert "fold 0 (1 of 2)" in text
    assert "fold 1 (2 of 2), epoch" in text
    bars = [bar for line in text.split("\n") for bar in line.split("\r") if " steps [" in bar]
    assert max(map(len, bars)) <= COLUMNS
    assert not LINE.search(text)
    assert len(LINE.findall((tmp_path / "run" / "train.log").read_text())) == 4
