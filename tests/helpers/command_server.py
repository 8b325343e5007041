"""Run commands in processes of their own that need not import torch, Lightning and MLflow again.

These imports are most of the time of a short command. A server imports them once and is forked for
each command, which has its own memory, files, signals, threads and end of the interpreter. What the
environment says at the start of a process counts only for a process that was not forked: see
`CommandServer.serves`.
"""

import atexit
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

# MLflow's settings come before MLflow, as in a command.
PRELOADED = (
    "imbclf.tracking.mlflow_tracker",
    "imbclf.tracking.mlflow_models",
    "imbclf.cli.config.build",
    "imbclf.prediction.predict_folder",
    "imbclf.reporting.run",
    "imbclf.evaluation.evaluate_unseen",
    "imbclf.evaluation.comparison",
    "imbclf.cli.config.compose",
    "imbclf.losses.base",
    "hydra.main",
    "mlflow.pyfunc",
    # What a command imports when it comes to it.
    "alembic.command",
    "captum.attr",
    "jinja2",
    "mlflow.store.tracking.sqlalchemy_store",
)
CHANGES_WITH_EACH_TEST = "PYTEST_CURRENT_TEST"


class CommandServer:
    """A process that forks for each command; made once for each process that runs tests."""

    def __init__(self) -> None:
        self.environment = self._environment()
        path = [str(Path(__file__).parents[1]), self.environment.get("PYTHONPATH", "")]
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from helpers.command_server import serve; serve()"],
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


@contextmanager
def undrawn() -> Iterator[None]:
    """Train without figures and reports, which take nearly as long as a small training."""
    results = importlib.import_module("imbclf.training.results")
    with ExitStack() as stack:
        for name in ("_draw", "write_report_or_warn"):
            stack.enter_context(mock.patch.object(results, name))
        yield


def serve() -> None:
    """Answer requests on stdin until it is closed; each command ends its own fork."""
    before = dict(os.environ)
    for name in PRELOADED:
        importlib.import_module(name)
    print(json.dumps({k: v for k, v in os.environ.items() if before.get(k) != v}), flush=True)
    gc.freeze()  # a collection in a fork would copy their memory
    for line in sys.stdin:
        request = json.loads(line)
        if "wait_for" in request:
            answer = _wait(request["wait_for"], request["seconds"])
        else:
            answer = os.fork()
            if answer == 0:
                _become(request)
                return
        print(json.dumps(answer), flush=True)


def _wait(pid: int, seconds: float | None) -> int | None:
    """Wait for a child, at most some seconds; return its exit code, or None if it still runs."""
    end = time.monotonic() + (seconds or 0)
    ended, status = os.waitpid(pid, 0 if seconds is None else os.WNOHANG)
    while not ended and time.monotonic() < end:
        time.sleep(0.005)
        ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _become(request: dict[str, Any]) -> None:
    """Run the command of a request as its console script would."""
    os.setsid()
    files = [os.open(os.devnull, os.O_RDONLY)]
    files += [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) for path in request["paths"]]
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    given = os.environ.pop("PYTHONPATH").partition(os.pathsep)[2]
    if given:
        os.environ["PYTHONPATH"] = given
    os.chdir(request["cwd"])
    program = Path(request["argv"][0])
    sys.argv, sys.path[0] = request["argv"], str(program.parent)
    sys.path.remove(str(Path(__file__).parents[1]))
    module = importlib.import_module(f"imbclf.cli.{program.name.removeprefix('imbclf-')}")
    try:
        with nullcontext() if request["drawn"] else undrawn():
            code = module.main()
    except SystemExit as ending:
        code = ending.code
    # The end of an interpreter, without freeing each object: that would copy the server's memory.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)
