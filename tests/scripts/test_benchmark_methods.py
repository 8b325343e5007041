"""The benchmark of methods, as a user runs it: twice, the second time with nothing left to do."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

import benchmark_methods
from benchmark_methods import methods
from helpers.commands import SMALL, run

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark_methods.py"


def test_every_loss_meets_two_samplers_and_every_experiment_is_there() -> None:
    names = [method.name for method in methods()]
    conf = SCRIPT.parents[1] / "conf"
    losses = {path.stem for path in (conf / "loss").glob("*.yaml")} - {"torch", "svdd"}
    experiments = {path.stem for path in (conf / "experiment").glob("*.yaml")}
    pairs = {f"{loss} + {sampler}" for loss in losses for sampler in ("shuffle", "balanced")}
    assert set(names) == pairs | experiments
    assert len(names) == len(set(names)) >= 35


def test_what_is_not_trained_stays_so() -> None:
    overrides = {method.name: method.overrides for method in methods()}
    assert overrides["feature_distance"][-1] == "trainer.max_epochs=0"
    assert overrides["best"] == ("experiment=best",)


@pytest.mark.slow
def test_it_runs_what_is_missing_and_tells_what_it_found(
    make_folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The first call is made here and forks its runs, the second is the script."""

    def forked(command: Sequence[str | Path], **_: object) -> "subprocess.CompletedProcess[str]":
        name = Path(command[0]).name.removeprefix("imbclf-")
        return run(name, *map(str, command[1:]), cwd=tmp_path)

    also = [option for option in SMALL if not option.startswith(("data=", "model.weights"))]
    arguments = [
        str(make_folder(images=60)),
        str(tmp_path / "out"),
        "--only",
        "bce + shuffle",
        "crt",
    ]
    arguments += ["--seeds", "0", "1", "--jobs", "2", "--also", *also, "cv.fold=0"]
    arguments += ["data.batch_size=12", "trainer.max_epochs=1"]
    monkeypatch.setattr(benchmark_methods, "subprocess", SimpleNamespace(run=forked))
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *arguments])
    benchmark_methods.main()
    first = capsys.readouterr().out
    runs = sorted((tmp_path / "out").rglob("summary.json"))
    assert len(runs) == 6  # bce, weighted_bce and new heads on bce's folds, with two seeds each
    written = {run: run.stat().st_mtime_ns for run in runs}
    command = [sys.executable, str(SCRIPT), *arguments]
    second = subprocess.run(command, capture_output=True, text=True, check=True)
    assert {run: run.stat().st_mtime_ns for run in runs} == written
    # Side by side, runs end in any order.
    assert sorted(second.stdout.splitlines()) == sorted(first.splitlines())
    table = pd.read_csv(tmp_path / "out" / "table.csv").set_index("method")
    for method, row in table.iterrows():
        folders = [run.parent for run in runs if run.parts[-3] == str(method).replace(" + ", "+")]
        rates = []
        for folder in folders:
            oof = pd.read_csv(folder / "oof.csv")
            wrong = oof["decision"] != oof["label"]
            rates.append(wrong.groupby(oof["label"]).mean().mean())
        assert row["seeds"] == len(folders) == 2
        assert row["HTER"] == pytest.approx(sum(rates) / 2)
        assert row["low"] < row["HTER"] < row["high"]
