"""Systems without Unix signals, forks and `fcntl`: imbclf touches no such name unguarded."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from lightning import Trainer

from helpers.commands import small
from imbclf.training.distributed import kill_processes
from imbclf.utils.run_lock import LOCK, lock_run

COMMANDS = sorted(path.stem for path in (Path(__file__).parents[2] / "conf").glob("*.yaml"))
# Libraries are loaded before: they look at `sys.platform`, which cannot be another here.
WITHOUT_NAMES = """
import ctypes, importlib, logging, os, pkgutil, signal, subprocess, sys, types
import lightning, mlflow, optuna, torch, torchvision, sklearn.model_selection, hydra, filelock
subprocess.signal = types.SimpleNamespace(**vars(signal))  # which has Windows code of its own
for name in ("SIGALRM", "SIGHUP", "SIGKILL", "setitimer", "getitimer", "ITIMER_REAL", "alarm"):
    delattr(signal, name)
for name in ("fork", "forkpty", "killpg", "getpgid", "setsid", "sched_getaffinity", "getuid",
             "geteuid", "uname", "nice", "getloadavg", "sysconf", "mkfifo", "chown"):
    delattr(os, name)
for name in ("fcntl", "resource", "pwd", "grp", "termios", "pty", "posix"):
    sys.modules[name] = None

def command(name, *arguments):
    sys.argv = [f"imbclf-{name}", *arguments]
    try:
        importlib.import_module(f"imbclf.cli.{name}").main()
    except SystemExit as ending:
        assert ending.code == 0, (name, arguments, ending.code)
"""


# Windows neither replaces nor removes a file that is open; locks are filelock's business.
OPEN_FILES = """
import errno, shutil
shutil._use_fd_functions = False  # which Windows lacks
here = os.path.realpath(sys.argv[1])

def is_open(path):
    descriptors = (f"/proc/self/fd/{one}" for one in os.listdir("/proc/self/fd"))
    used = [os.readlink(one) for one in descriptors if os.path.lexists(one)]
    with open("/proc/self/maps") as maps:
        used += [line.split()[-1] for line in maps]
    return any(f"{one}/".startswith(f"{path}/") for one in used)

def refusing(function):
    def refuse(*paths, **options):
        for path in paths[:2]:
            real = os.path.realpath(path)
            if real.startswith(here) and not real.endswith("lock") and is_open(real):
                raise PermissionError(errno.EACCES, "it is used by a process", str(path))
        return function(*paths, **options)
    return refuse

for name in ("replace", "rename", "unlink", "remove"):
    setattr(os, name, refusing(getattr(os, name)))
with open(os.path.join(here, "probe"), "w") as probe:
    try:
        os.replace(probe.name, probe.name + "2")
        sys.exit("the stand-in does not refuse")
    except PermissionError:
        pass
os.unlink(os.path.join(here, "probe"))
"""


def without_names(code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WITHOUT_NAMES + code, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_every_module_is_imported_and_every_command_helps() -> None:
    code = """
import imbclf
for found in pkgutil.walk_packages(imbclf.__path__, "imbclf."):
    if ".pyfunc_" not in found.name and not found.name.endswith("__main__"):
        importlib.import_module(found.name)
for name in sys.argv[1:]:
    command(name, "--help")
"""
    done = without_names(code, *COMMANDS)
    assert done.returncode == 0, done.stderr
    assert all(f"imbclf-{name}:" in done.stdout for name in COMMANDS)


def test_devices_are_ended_without_sigkill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "SIGKILL")
    sent: list[int] = []
    launcher = SimpleNamespace(kill=sent.append)
    kill_processes(cast("Trainer", SimpleNamespace(strategy=SimpleNamespace(launcher=launcher))))
    assert sent == [signal.SIGTERM]


def test_a_run_is_unlocked_where_open_files_cannot_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.name == LOCK:
            raise PermissionError(13, "it is used by a process", str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    for _ in range(2):
        with lock_run(tmp_path):
            pass


@pytest.mark.slow
def test_images_are_trained_on_and_predicted(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    code = """
signal.SIGKILL = subprocess.signal.SIGKILL  # Lightning looks at the system for it
os.chdir(sys.argv[1])
given = sys.argv[2:]
command("train", *given, "trainer.max_epochs=2", "cv.fold=0", "hydra.run.dir=r")
command("predict", "r", "faces/val_img", "out=p")
command("predict", "r", "faces/val_img", "out=p", "overwrite=true")
command("report", "r")
from imbclf.cli.app.signals import caught_signals
from imbclf.errors import Interrupted
try:
    with caught_signals():
        signal.raise_signal(signal.SIGINT)
except Interrupted as interruption:
    print("interrupted", int(interruption.args[0]))
"""
    arguments = [one for one in small(make_folder()) if one != "trainer.max_epochs=2"]
    done = without_names(OPEN_FILES + code, str(tmp_path), *arguments)
    assert done.returncode == 0, done.stderr
    assert "interrupted 2" in done.stdout
    assert (tmp_path / "p" / "labels.txt").exists()
