"""Commands in processes of their own: how long they take and how much memory they hold."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context, get_start_method, set_start_method
from pathlib import Path
from typing import TypeVar, TypeVarTuple

Arguments = TypeVarTuple("Arguments")
Answer = TypeVar("Answer")

INTERVAL = 0.2  # seconds between two looks at a process's memory


@dataclass(frozen=True)
class Finished:
    """What a process came to.

    Attributes:
        started: when, in seconds since 1970.
        wall: seconds from launch to end.
        cpu: seconds, user and system, with the processes that it waited for.
        resident: most memory that it held, in bytes, with the pages of mapped files; NaN where
            there is no /proc.
        own: most of that without mapped files: no images, nor the code of libraries.
        output: what it printed.
    """

    started: float
    wall: float
    cpu: float
    resident: float
    own: float
    output: str


def in_own_process(function: Callable[[*Arguments], Answer], *arguments: *Arguments) -> Answer:
    """Call a function in a new Python process, with nothing of what this one has set up."""
    usual = get_start_method()
    with ProcessPoolExecutor(1, get_context("spawn"), _start_children_by, (usual,)) as pool:
        return pool.submit(function, *arguments).result()


def _start_children_by(method: str) -> None:
    set_start_method(method, force=True)  # a process that was spawned would spawn its own


def imbclf(command: str) -> str:
    """Return the path of an imbclf command, `train` for imbclf-train."""
    return str(Path(sys.executable).with_name(f"imbclf-{command}"))


def run(
    arguments: Sequence[str], cwd: Path, code: int = 0, extra: Mapping[str, str] | None = None
) -> Finished:
    """Run a command to its end.

    Args:
        arguments: the command.
        cwd: where it runs.
        code: the exit code that it shall have.
        extra: environment variables beside those of this process.

    Raises:
        RuntimeError: it ended otherwise; the message ends as its output does.
    """
    most = {"VmHWM": float("nan"), "RssAnon": float("nan")}
    ended = threading.Event()
    log = cwd / "output.txt"
    with log.open("wb") as output:
        started, began = time.time(), time.perf_counter()
        process = subprocess.Popen(
            arguments,
            cwd=cwd,
            env={**os.environ, **(extra or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        watcher = threading.Thread(target=_watch, args=(process.pid, most, ended))
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        ended.set()
        watcher.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    text = log.read_text(encoding="utf-8", errors="replace")
    if process.returncode != code:
        raise RuntimeError(f"{' '.join(arguments)}: exit {process.returncode}\n{text[-2000:]}")
    cpu = usage.ru_utime + usage.ru_stime
    return Finished(started, wall, cpu, most["VmHWM"], most["RssAnon"], text)


def memory(pid: int | str) -> dict[str, float]:
    """Return a process's memory in bytes, by its name in /proc: VmHWM is the peak.

    ru_maxrss will not do: a child inherits that of the process that launched it.
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    sizes = (line.split() for line in lines if line.endswith(" kB"))
    return {name.rstrip(":"): 1024.0 * int(size) for name, size, _ in sizes}


def _watch(pid: int, most: dict[str, float], ended: threading.Event) -> None:
    while not ended.wait(INTERVAL):
        held = memory(pid)
        for name in most.keys() & held.keys():
            # The first number takes the place of NaN, which no comparison would.
            most[name] = held[name] if most[name] != most[name] else max(most[name], held[name])
