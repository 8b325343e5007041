"""What surrounds every command: streams, signals, versions, places, the backend of figures."""

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import TextIO, cast

import pytest

from helpers.commands import HANDLED, call, run
from imbclf.cli.app.streams import PipeProof
from imbclf.cli.report import main

PYTHON = [sys.executable, "-c"]
COMMANDS = [path.stem for path in (Path(__file__).parents[2] / "conf").glob("*.yaml")]


def executable(command: str) -> str:
    return str(Path(sys.executable).with_name(f"imbclf-{command}"))


def shell(line: str, cwd: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_version_is_that_of_imbclf(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(command, "--version") == 0
    words = capsys.readouterr().out.split()
    assert words[:2] == ["imbclf", "0.1.0"]
    assert {"(torch", "lightning", "hydra-core"} <= set(words)


def test_help_into_a_pipe_that_is_closed_ends_quietly(tmp_path: Path) -> None:
    done = shell(f"{executable('train')} --help | true", tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("closed", "mistake"),
    [
        ("2>&-", "rum=nothing"),
        (">&-", "rum=nothing"),
        ("<&-", "rum=nothing"),
        (">&- 2>&- <&-", "run=nothing"),  # found with all libraries imported
    ],
)
def test_a_closed_descriptor_is_no_reason_to_die(tmp_path: Path, closed: str, mistake: str) -> None:
    done = shell(f"{executable('report')} {mistake} {closed}", tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("reason", [errno.EPIPE, errno.EINVAL])
def test_a_reader_that_left_costs_nothing(reason: int, tmp_path: Path) -> None:
    with (tmp_path / "full").open("w") as file:

        def gone(*_: object) -> int:
            raise OSError(reason, "nobody reads")

        broken = SimpleNamespace(write=gone, flush=gone, fileno=file.fileno)
        stream = PipeProof(cast("TextIO", broken))
        assert stream.write("text") == 4
        stream.flush()

        def full(*_: object) -> int:
            raise OSError(errno.ENOSPC, "disk full")

        broken.write = full
        with pytest.raises(OSError, match="disk full"):
            stream.write("text")


def test_no_file_becomes_the_stderr_of_libraries(tmp_path: Path) -> None:
    code = """
import os
from imbclf.cli.app.streams import lasting_streams
with lasting_streams():
    file = os.open("mine", os.O_CREAT | os.O_WRONLY)
    os.write(2, b"a warning")
    print("to nobody", file=__import__("sys").stderr)
print(file)
"""
    done = shell(f"{sys.executable} -c '{code}' 2>&-", tmp_path)
    assert int(done.stdout) > 2
    assert (tmp_path / "mine").read_bytes() == b""


def test_a_command_runs_in_a_thread(capsys: pytest.CaptureFixture[str]) -> None:
    codes: list[object] = []

    def work() -> None:
        try:
            main()
        except SystemExit as ending:
            codes.append(ending.code)

    before, sys.argv = sys.argv, ["imbclf-report", "run=nothing"]
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        sys.argv = before
    assert codes == [2]
    assert "nothing" in capsys.readouterr().err


def test_handlers_arguments_and_streams_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    given = ["imbclf-report", "run=nothing"]
    monkeypatch.setattr(sys, "argv", given)
    before = [signal.getsignal(number) for number in HANDLED], sys.path[:], sys.stdout, sys.stderr
    with pytest.raises(SystemExit):
        main()
    after = [signal.getsignal(number) for number in HANDLED], sys.path[:], sys.stdout, sys.stderr
    assert after == before
    assert sys.argv == ["imbclf-report", "run=nothing"]


def test_the_backend_of_a_notebook_elsewhere_is_no_reason_to_die(tmp_path: Path) -> None:
    code = "from imbclf.cli.app.launch import run_command; import sys; " + (
        "sys.exit(run_command('x', lambda: __import__('matplotlib.pyplot')))"
    )
    backend = "module://no_such_package.backend_inline"
    done = shell(f'{sys.executable} -c "{code}"', tmp_path, MPLBACKEND=backend)
    assert done.returncode == 0, done.stderr


def test_a_working_directory_that_is_gone_is_named(tmp_path: Path) -> None:
    line = f"mkdir d; cd d; rmdir ../d; {executable('train')} cv.folds=2"
    done = shell(line, tmp_path)
    assert done.returncode == 2
    assert "working directory no longer exists" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("seed=${oc.env:NO_SUCH_VARIABLE}", "NO_SUCH_VARIABLE"),
        ("seed=${nothing.here}", "nothing"),
        ("optim.lr=1e-3,1e-4", "needs -m"),
        ("optim=adam,sgd", "needs -m"),
    ],
)
def test_errors_of_overrides_are_one_message(argument: str, said: str, tmp_path: Path) -> None:
    done = run("train", argument, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("imbclf-train: error: ")
    assert said in done.stderr
    assert "++" not in done.stderr


def test_a_path_may_hold_a_comma(tmp_path: Path) -> None:
    done = run("train", "data=folder", "data.dir=a,b", "model.weights=null", cwd=tmp_path)
    assert "There is no folder a,b" in done.stderr


@pytest.mark.parametrize(
    ("command", "former"),
    [
        *((command, "ckpt") for command in ("predict", "evaluate", "export", "register")),
        ("compare", "runs"),
        ("gather", "sweep"),
    ],
)
@pytest.mark.parametrize("sign", ["", "+"])
def test_a_run_is_named_alike_in_all_commands(
    command: str, former: str, sign: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = []
    for name in ("run", former):
        assert call(command, f"{sign}{name}=nowhere", "--cfg", "job") == 0
        said = capsys.readouterr()
        assert ("deprecated" in said.err) == (name != "run")
        shown.append([line for line in said.out.splitlines() if not line.startswith("out: ")])
    assert shown[0] == shown[1]
    assert "run: nowhere" in shown[0]


@pytest.mark.slow
def test_the_first_line_says_that_the_demo_is_trained_on(tmp_path: Path) -> None:
    """The mistake ends the run after that line: nothing is drawn or trained."""
    done = run("train", "cv.folds=1", cwd=tmp_path)
    first = done.stdout.splitlines()[0]
    assert "drawn faces" in first
    assert "imbclf-train FOLDER" in first
    (tmp_path / "mine").mkdir()
    done = run("train", "mine", "cv.folds=1", cwd=tmp_path)
    assert "drawn faces" not in done.stdout
