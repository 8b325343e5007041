"""Each command with `--json`, on real runs: what it prints is what it wrote, as documented."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from helpers.commands import call, run, small

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[2] / "docs" / "json.md"
TINY = ("cv.folds=2", "trainer.max_epochs=1", "tracking=none")


def documented(command: str) -> set[str]:
    """Return the names of files that the page lists for a command."""
    (cell,) = re.findall(rf"^\| `imbclf-{command}` \| (.*?)\|", PAGE.read_text(), re.MULTILINE)
    return set(re.findall(r"`(\w+)`", cell))


def few(folder: Path, *more: str) -> list[str]:
    given = small(folder, *TINY, *more)
    return [one for one in given if one not in ("cv.folds=3", "trainer.max_epochs=2")]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Call a command with `--json` and return what it printed, which is all of its stdout."""

    def printed(command: str, *arguments: str) -> dict[str, Any]:
        capsys.readouterr()
        assert call(command, *arguments, "--json") == 0
        read: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert read["command"] == f"imbclf-{command}"
        assert all(Path(path).exists() for path in read["files"].values())
        return read

    return printed


def read(path: str) -> Any:  # noqa: ANN401
    return json.loads(Path(path).read_text())


def test_every_command_prints_its_result(
    make_folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    printed: Callable[..., dict[str, Any]],
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = make_folder()
    done = run("train", *few(folder, "hydra.run.dir=one"), "--json", cwd=tmp_path, drawn=True)
    assert done.returncode == 0, done.stderr
    trained = json.loads(done.stdout)
    assert "HTER" in done.stderr
    assert set(trained["files"]) == documented("train")
    assert trained["result"] == read("one/summary.json")
    again = printed("train", *few(folder, "hydra.run.dir=one"))
    assert again["result"] == trained["result"]  # finished before

    swept = printed("train", *few(folder, "-m", "cv.fold=0,1", "hydra.sweep.dir=s"))
    assert {*swept["files"]} == {"sweep"}  # folds are gathered, not compared
    assert [job["overrides"].split()[-1] for job in swept["result"]] == ["cv.fold=0", "cv.fold=1"]
    assert [job["error"] for job in swept["result"]] == [None, None]
    assert swept["result"][1]["summary"] == read("s/1/summary.json")
    gathered = printed("gather", "s")
    assert gathered["result"] == [{"run": "s/gathered", "summary": read("s/gathered/summary.json")}]

    compared = printed("compare", "one", "s/gathered", "out=c")
    table = pd.read_csv("c/comparison.csv")
    assert set(compared["files"]) == documented("compare")
    assert [row["hter"] for row in compared["result"]] == table["hter"].tolist()
    assert {row["run"] for row in compared["result"]} == {"one", "s/gathered"}

    images = str(folder / "val_img")
    for command, arguments, result in (
        ("explore", [str(folder), "out=e", "write_groups=true"], "e/explore.json"),
        ("predict", ["one", images, "out=p"], "p/predictions.json"),
        ("report", ["one"], "one/summary.json"),
        ("export", ["one", "out=x", "format=pt2"], "x/export.json"),
    ):
        found = printed(command, *arguments)
        assert found["result"] == read(result)
        optional = {"int8"} if command == "export" else set()
        assert documented(command) - optional == set(found["files"]), command

    listed = printed("explore", str(folder), "out=l", "pixels=false")
    assert listed["files"].keys() == {"listing", "left_out"}
    assert listed["result"]["images"] == 120


def test_a_failed_job_of_a_sweep(
    make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(images=90, minority=30)
    given = few(folder, "-m", "data.dir=nowhere," + str(folder), "hydra.sweep.dir=s")
    arguments = [one for one in given if one != f"data.dir={folder}"]
    monkeypatch.chdir(tmp_path)
    done = run("train", *arguments, "--json", cwd=tmp_path)
    assert done.returncode == 2  # as for one run: a mistake of the user
    printed = json.loads(done.stdout)
    assert printed["error"].startswith("1 jobs failed")
    failed, finished = printed["result"]
    assert "nowhere" in failed["error"]
    assert failed["summary"] is None
    assert finished["error"] is None
    assert finished["summary"]["images"] == 90


def test_search_evaluation_and_registration(
    make_folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    printed: Callable[..., dict[str, Any]],
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = make_folder()
    space = ["tune.trials=1", "tune.name=t", "tune.pruner=none", "tune.sampler=random"]
    found = printed("tune", *few(folder, *space))
    assert set(found["files"]) == documented("tune")
    assert found["result"] == read("outputs/tune/t/tune.json")

    winner = found["files"]["run"]
    judged = printed("evaluate", winner, "out=j")
    assert judged["result"] == read("j/evaluation.json")
    assert set(judged["files"]) == documented("evaluate")
    registered = printed("register", winner, "faces", "alias=best")
    assert registered["files"] == {}
    shown = {"name": "faces", "version": "1", "alias": "best", "model": "models:/faces@best"}
    assert shown.items() <= registered["result"].items()
    assert set(registered["result"]) == {*shown, "uri"}
