"""`--json`: one object on stdout, messages on stderr, the exit codes as ever."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import call, run
from imbclf.cli.app.json_result import as_json, report_error, report_result
from imbclf.cli.config.conf_dir import conf_dir

COMMANDS = sorted(path.stem for path in conf_dir().glob("*.yaml"))
NOISE = """
import ctypes, os, subprocess, sys
from pathlib import Path
from imbclf.cli.app.json_result import as_json, report_result

def work():
    print("a message")
    os.write(1, b"of a library\\n")
    subprocess.run([sys.executable, "-c", "print('of a child')"], check=True)
    report_result(lambda: {"hter": float("nan")}, page=Path(__file__), lost=Path("lost"))
    return 0

sys.exit(as_json("imbclf-x", work))
"""


def test_nothing_else_is_on_stdout(tmp_path: Path) -> None:
    script = tmp_path / "noise.py"
    script.write_text(NOISE)
    done = subprocess.run(
        [sys.executable, script, "--json"], capture_output=True, text=True, check=True
    )
    page = {"page": str(script)}
    assert json.loads(done.stdout) == {
        "command": "imbclf-x",
        "files": page,
        "result": {"hter": None},
    }
    assert all(said in done.stderr for said in ("a message", "of a library", "of a child"))
    plain = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert {*plain.stdout.splitlines()} == {"a message", "of a library", "of a child"}


@pytest.mark.parametrize("closed", ["2>&-", "2>&- <&-"])
def test_a_closed_stderr_does_not_keep_the_result_back(tmp_path: Path, closed: str) -> None:
    script = tmp_path / "noise.py"
    script.write_text(NOISE)
    line = f"{sys.executable} {script} --json {closed}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["result"] == {"hter": None}


@pytest.mark.parametrize("command", COMMANDS)
def test_errors_are_an_object_too(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    code = call(command, "no.such.option=1", "--json")
    said = capsys.readouterr()
    result = json.loads(said.out)
    assert code == 2
    assert result["command"] == f"imbclf-{command}"
    assert set(result) == {"command", "error"}
    assert f"imbclf-{command}: error: {result['error']}" in said.err


def test_a_mistake_in_a_sweep_is_an_object(tmp_path: Path) -> None:
    done = run("train", "-m", "seed=0,1", "optim.lrr=1", "--json", cwd=tmp_path)
    assert done.returncode == 2
    assert "unknown option optim.lrr" in json.loads(done.stdout)["error"]


def test_flags_that_show_something_keep_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("report", "--json", "--version") == 0
    assert capsys.readouterr().out.startswith("imbclf 0")


@pytest.fixture
def flag(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    given = ["imbclf-x", "--json", "seed=1"]
    monkeypatch.setattr(sys, "argv", given)
    return given


def outcome(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(capsys.readouterr().out)
    return read


@pytest.mark.usefixtures("flag")
def test_the_flag_reaches_no_command_and_arguments_are_put_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen: list[str] = []

    def work() -> int:
        seen.extend(sys.argv)
        return 0

    assert as_json("imbclf-x", work) == 0
    assert seen == ["imbclf-x", "seed=1"]
    assert sys.argv == ["imbclf-x", "--json", "seed=1"]
    assert outcome(capsys) == {"command": "imbclf-x", "files": {}, "result": None}


@pytest.mark.usefixtures("flag")
def test_a_defect_is_an_object_and_leaves_its_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert as_json("imbclf-x", lambda: math.comb(-1, 1)) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["error"].startswith("ValueError: ")
    assert "Traceback" in said.err


@pytest.mark.usefixtures("flag")
def test_jobs_that_failed_come_with_those_that_did_not(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        report_result(lambda: [{"job": "0"}, {"job": "1"}])
        report_error("1 jobs failed")
        return 1

    assert as_json("imbclf-x", work) == 1
    assert outcome(capsys) == {
        "command": "imbclf-x",
        "files": {},
        "result": [{"job": "0"}, {"job": "1"}],
        "error": "1 jobs failed",
    }


def test_without_the_flag_nothing_is_kept() -> None:
    def refuse() -> object:
        raise AssertionError("computed for nobody")

    report_result(refuse, page=Path(os.devnull))
