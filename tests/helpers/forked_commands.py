"""The process of a command server: it imports what commands need once, and forks for each."""

import atexit
import gc
import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
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
    # With each model that it stores MLflow looks through all installed packages, if it has not yet.
    importlib.import_module("mlflow.utils.requirements_utils")._init_packages_to_modules_map()
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
