"""Run commands in processes of their own that need not import torch, Lightning and MLflow again.

These imports are most of the time of a short command. A server imports them once and is forked for
each command, which has its own memory, files, signals, threads and end of the interpreter. What the
environment says at the start of a process counts only for a process that was not forked: see
`CommandServer.serves`.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CHANGES_WITH_EACH_TEST = "PYTEST_CURRENT_TEST"


class CommandServer:
    """A process that forks for each command; made once for each process that runs tests."""

    def __init__(self) -> None:
        self.environment = self._environment()
        path = [str(Path(__file__).parents[1]), self.environment.get("PYTHONPATH", "")]
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from helpers.forked_commands import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**self.environment, "PYTHONPATH": os.pathsep.join(path)},
        )
        self.one_at_a_time = threading.Lock()
        atexit.register(self.process.communicate)  # closes its stdin, which ends it
        assert self.process.stdout is not None
        self.set_by_libraries: dict[str, str] = json.loads(self.process.stdout.readline())

    def serves(self) -> bool:
        """Return whether a command would find the environment that the server started with."""
        here, there = self._environment(), self.environment
        unlike = {k for k in here.keys() | there.keys() if here.get(k) != there.get(k)}
        # The same imports set them in this process, sooner or later.
        unlike -= {k for k in unlike if here.get(k) == self.set_by_libraries.get(k)}
        return self.process.poll() is None and not unlike

    def start(
        self, program: Path, arguments: Sequence[str], cwd: Path, drawn: bool = False
    ) -> "StartedCommand":
        """Start a console script of the package, in a session of its own.

        Args:
            program: the script.
            arguments: of it.
            cwd: where it runs.
            drawn: whether a training ends with its figures and its report.
        """
        folder = tempfile.TemporaryDirectory()
        paths = [f"{folder.name}/{name}" for name in ("stdout", "stderr")]
        argv, place = [str(program), *arguments], str(cwd.resolve())
        pid = self.ask({"argv": argv, "cwd": place, "paths": paths, "drawn": drawn})
        assert pid is not None
        return StartedCommand(self, pid, argv, folder)

    def ask(self, request: dict[str, Any]) -> int | None:
        """Send a request to the process; return its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with self.one_at_a_time:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            answer: int | None = json.loads(self.process.stdout.readline())
        return answer

    def _environment(self) -> dict[str, str]:
        return {k: v for k, v in os.environ.items() if k != CHANGES_WITH_EACH_TEST}


class StartedCommand:
    """A command that a server has started: like `subprocess.Popen`, with its output in files."""

    def __init__(
        self,
        server: CommandServer,
        pid: int,
        argv: list[str],
        folder: "tempfile.TemporaryDirectory[str]",
    ) -> None:
        self.server, self.pid, self.argv, self.folder = server, pid, argv, folder
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self._wait(0)

    def finish(self, kill_after: float | None = None) -> "subprocess.CompletedProcess[str]":
        """Wait for the end, or kill it after some seconds; return exit code and output."""
        if self._wait(kill_after) is None:
            os.kill(self.pid, signal.SIGKILL)
            self._wait(None)
        assert self.returncode is not None
        out, err = (Path(self.folder.name, name).read_text() for name in ("stdout", "stderr"))
        self.folder.cleanup()
        return subprocess.CompletedProcess(self.argv, self.returncode, out, err)

    def _wait(self, seconds: float | None) -> int | None:
        if self.returncode is None:
            self.returncode = self.server.ask({"wait_for": self.pid, "seconds": seconds})
        return self.returncode
