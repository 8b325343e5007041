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
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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

    def run(
        self, program: Path, arguments: Sequence[str], cwd: Path
    ) -> "subprocess.CompletedProcess[str]":
        """Run a console script of the package; return its exit code and what it printed."""
        with tempfile.TemporaryDirectory() as folder:
            paths = [f"{folder}/{name}" for name in ("stdout", "stderr")]
            argv, place = [str(program), *arguments], str(cwd.resolve())
            request = {"argv": argv, "cwd": place, "paths": paths}
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            code = int(self.process.stdout.readline())
            out, err = (Path(path).read_text() for path in paths)
        return subprocess.CompletedProcess([program, *arguments], code, out, err)

    def _environment(self) -> dict[str, str]:
        return {k: v for k, v in os.environ.items() if k != CHANGES_WITH_EACH_TEST}


def serve() -> None:
    """Answer requests on stdin until it is closed; each command ends its own fork."""
    before = dict(os.environ)
    for name in PRELOADED:
        importlib.import_module(name)
    print(json.dumps({k: v for k, v in os.environ.items() if before.get(k) != v}), flush=True)
    gc.freeze()  # a collection in a fork would copy their memory
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(json.loads(line))
            return
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(request: dict[str, Any]) -> None:
    """Run the command of a request as its console script would."""
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
        code = module.main()
    except SystemExit as ending:
        code = ending.code
    # The end of an interpreter, without freeing each object: that would copy the server's memory.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)
