"""`--json`: a command's result as one JSON object on stdout; all else goes to stderr."""

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import Any, TextIO

from imbclf.cli.app.streams import lasting_streams

FLAG = "--json"
# Flags that print something else, of which there is no result.
OTHER_OUTPUT = {
    *("--help", "-h", "--hydra-help", "--version", "--cfg", "-c", "--info", "-i"),
    *("--shell-completion", "-sc"),
}
FAILED = 1
_outcome: dict[str, Any] | None = None  # of this process; None without --json


def report_result(result: Path | Callable[[], object], **files: Path) -> None:
    """Keep what a command has come to, for `--json`; the last call counts.

    Args:
        result: a JSON file that was written, or a function that returns the result.
        files: what was written, by name; files that are missing are left out.
    """
    if _outcome is not None:
        _outcome["files"] = {name: str(path) for name, path in files.items() if path.exists()}
        _outcome["result"] = (
            json.loads(result.read_text("utf-8")) if isinstance(result, Path) else result()
        )


def report_error(message: str) -> None:
    """Keep why a command has failed, for `--json`."""
    if _outcome is not None:
        _outcome["error"] = message


def as_json(command: str, run: Callable[[], int]) -> int:
    """Run a command and return its exit code; with `--json`, print the result as JSON.

    Args:
        command: its name.
        run: returns the exit code, or ends in SystemExit.
    """
    global _outcome
    if FLAG not in sys.argv:
        return run()
    arguments = sys.argv[:]
    sys.argv[:] = [argument for argument in arguments if argument != FLAG]
    try:
        if OTHER_OUTPUT & {*arguments}:
            return run()
        _outcome = {"command": command}
        with lasting_streams(), _stdout_apart() as stdout:
            code = _exit_code(run)
            if code:
                _outcome.setdefault("error", "the messages on stderr say why")
            else:
                _outcome = {"files": {}, "result": None, **_outcome}
            with suppress(BrokenPipeError):
                print(json.dumps(_plain(_outcome), allow_nan=False), file=stdout, flush=True)
        return code
    finally:
        _outcome = None
        sys.argv[:] = arguments


def _exit_code(run: Callable[[], int]) -> int:
    try:
        return run()
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except Exception as error:
        traceback.print_exc()
        report_error(f"{type(error).__name__}: {error}")
        return FAILED


@contextmanager
def _stdout_apart() -> Iterator[TextIO]:
    """Lead stdout to stderr, for libraries and child processes too; yield the former stdout."""
    try:
        is_own = sys.stdout.fileno() == 1
    except (AttributeError, OSError, ValueError):  # of a notebook or a test
        is_own = False
    sys.stdout.flush()
    if not is_own:
        stdout = sys.stdout
        with redirect_stdout(sys.stderr):
            yield stdout
        return
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with (
            open(kept, "w", encoding="utf-8", closefd=False) as stdout,
            redirect_stdout(sys.stderr),
        ):
            yield stdout
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _plain(item: Any) -> Any:  # noqa: ANN401
    """Return a value with null for numbers that JSON does not know."""
    if isinstance(item, Mapping):
        return {str(key): _plain(part) for key, part in item.items()}
    if isinstance(item, list | tuple):
        return [_plain(part) for part in item]
    return None if isinstance(item, float) and item - item != 0 else item
