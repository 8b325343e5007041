"""The commands as a user runs them, and a small experiment."""

import importlib
import logging
import os
import signal
import subprocess
import sys
from contextlib import nullcontext, suppress
from functools import cache
from pathlib import Path

import pytest

from helpers.command_server import CommandServer, StartedCommand
from helpers.forked_commands import undrawn

HANDLED = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGALRM") if hasattr(signal, name)
]
SMALL = (
    "model=shufflenet_v2_x1_0",
    "model.name=shufflenet_v2_x0_5",
    "model.weights=null",
    "data=folder",
    "data.batch_size=32",
    "trainer.max_epochs=2",
    "optim.lr=1e-3",
    "cv.folds=3",
)


def run(
    command: str, *arguments: str, cwd: Path, drawn: bool = False
) -> "subprocess.CompletedProcess[str]":
    """Run a command in a process of its own, forked where that makes no difference.

    A training that is forked ends with figures and report only if they are to be `drawn`: they take
    longer than a small training.
    """
    if _is_forked():
        return started(command, *arguments, cwd=cwd, drawn=drawn).finish()
    return subprocess.run(
        [script(command), *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def killed(command: str, *arguments: str, cwd: Path, after: float, drawn: bool = False) -> None:
    """Run a command as `run` does; unless it has ended by then, kill it after some seconds."""
    if _is_forked():
        started(command, *arguments, cwd=cwd, drawn=drawn).finish(kill_after=after)
        return
    process = subprocess.Popen(
        [script(command), *arguments], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with suppress(subprocess.TimeoutExpired):
        process.wait(after)
    process.kill()
    process.wait()


def started(command: str, *arguments: str, cwd: Path, drawn: bool = False) -> StartedCommand:
    """Start a command in a forked process, to which signals can be sent."""
    return _server().start(script(command), arguments, cwd, drawn)


def script(command: str) -> Path:
    return Path(sys.executable).with_name(f"imbclf-{command}")


def _is_forked() -> bool:
    return hasattr(os, "fork") and _server().serves()


@cache
def _server() -> CommandServer:
    return CommandServer()


def small(folder: Path, *more: str) -> list[str]:
    return [*SMALL, f"data.dir={folder}", *more]


def call(command: str, *arguments: str, drawn: bool = False) -> int:
    """Run a command in this process, where nothing but its exit may come out; return the code.

    A training ends with figures and report only if they are to be `drawn`.
    """
    handlers = {number: signal.getsignal(number) for number in HANDLED}
    kept = sys.argv, sys.path[:], dict(os.environ)
    sys.argv = [f"imbclf-{command}", *arguments]
    try:
        trains = command in ("train", "gather", "tune")
        with (
            pytest.raises(SystemExit) as ending,
            undrawn() if trains and not drawn else nullcontext(),
        ):
            importlib.import_module(f"imbclf.cli.{command}").main()
    finally:
        sys.argv, sys.path[:], environment = kept
        os.environ.clear()
        os.environ.update(environment)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        messages = logging.getLogger("imbclf").handlers
        for sink in messages:
            sink.close()
        messages.clear()
    assert isinstance(ending.value.code, int)
    return ending.value.code
