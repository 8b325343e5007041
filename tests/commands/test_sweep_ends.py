"""How a sweep ends: with the right comparison or the right advice, wherever its jobs lie."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from helpers.commands import call, run, small

QUICK = ("tracking=none", "trainer.max_epochs=1", "data.cache_dir=cache")


@pytest.fixture
def arguments(
    make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    monkeypatch.chdir(tmp_path)
    given = small(make_folder(), *QUICK)
    return [one for one in given if one != "trainer.max_epochs=2"]


@pytest.mark.slow
def test_a_sweep_over_an_option_on_one_fold_is_compared_not_gathered(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = ("cv.fold=0", "-m", "optim.lr=1e-3,1e-4", "hydra.sweep.dir=s")
    done = run("train", *arguments, *sweep, cwd=Path())
    assert done.returncode == 0, done.stderr
    assert "gather" not in done.stdout
    assert len(pd.read_csv("s/comparison.csv")) == 2
    assert call("gather", "s") == 2
    assert "imbclf-compare s" in capsys.readouterr().err


@pytest.mark.slow
def test_jobs_in_nested_folders_are_named_listed_and_compared(arguments: list[str]) -> None:
    networks = "model.name=shufflenet_v2_x0_5,shufflenet_v2_x1_0,nonsense"
    sweep = ("-m", "seed=1", networks, "optim=adam", "cv.fold=0", "hydra.sweep.dir=s")
    given = [one for one in arguments if not one.startswith("model.name")]
    subdir = "hydra.sweep.subdir=nets/${hydra.job.override_dirname}"
    done = run("train", *given, *sweep, subdir, cwd=Path())
    assert done.returncode == 2
    assert "failed   job 3 of 3: model.name=nonsense: " in done.stdout
    names = {f"model.name=shufflenet_v2_x{size}" for size in ("0_5", "1_0")}
    assert {path.name for path in Path("s/nets").iterdir()} == {*names, "model.name=nonsense"}
    table = pd.read_csv("s/comparison.csv")
    assert set(table["run"]) == {f"nets/{name} {name}" for name in names}
    assert call("compare", "s", "out=compared") == 0
    assert pd.read_csv("compared/comparison.csv").equals(table)


@pytest.mark.slow
def test_a_sweep_whose_output_nobody_reads_is_trained_and_compared(arguments: list[str]) -> None:
    command = [str(Path(sys.executable).with_name("imbclf-train")), *arguments]
    sweep = ["-m", "seed=0,1", "cv.fold=0", "hydra.sweep.dir=s"]
    with subprocess.Popen(
        [*command, *sweep], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 0, errors
    assert "Error" not in errors
    assert "BrokenPipe" not in errors
    assert len(pd.read_csv("s/comparison.csv")) == 2
