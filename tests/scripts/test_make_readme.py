"""scripts/make_readme: what it checks, and that what it writes is what it finds again."""

import subprocess
import sys
from pathlib import Path

import pytest

import make_readme

README = make_readme.README.read_text(encoding="utf-8")
PRINTED = (
    "demo     drawn\nrun      /x\n\n  fold  epoch    HTER\n     0      4  0.1680\n\nlast line\n"
)


def test_the_readme_passes() -> None:
    assert make_readme.main(["--check"]) == 0


def test_mistakes_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(make_readme, "README", tmp_path / "README.md")
    text = README.replace("loss=weighted_bce", "loss=weighted").replace("cv.folds", "cv.fold_s")
    (tmp_path / "README.md").write_text(text + "\n" * 40, encoding="utf-8")
    assert make_readme.main(["--check"]) == 1
    message = capsys.readouterr().err
    for part in ("no choice weighted", "no option cv.fold_s", "expected 150 at most"):
        assert part in message


def test_remaking_replaces_the_output_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make_readme, "README", tmp_path / "README.md")
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    calls = []

    def run(call: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        calls.append(call)
        return subprocess.CompletedProcess(call, 0, stdout=PRINTED)

    monkeypatch.setattr(subprocess, "run", run)
    assert make_readme.main([]) == 0
    assert calls[0][0] == sys.executable
    assert "loss=weighted_bce" in calls[0]
    made = (tmp_path / "README.md").read_text(encoding="utf-8")
    (command,) = make_readme.BLOCK.findall(README)
    before, after = README.split(f"    $ {command}\n")
    shown = "    demo     drawn\n    ...\n      fold  epoch    HTER\n         0      4  0.1680\n\n"
    shown += "    last line\n"
    tail = after[after.index("**HTER**") :]
    assert made == f"{before}    $ {command}\n{shown}\n{tail}"
