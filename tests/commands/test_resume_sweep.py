"""A killed sweep, started again, runs only its missing jobs."""

import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from helpers.commands import run, small, started


@pytest.mark.slow
def test_a_killed_sweep_resumes_with_its_missing_jobs(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    jobs = ("trainer.max_epochs=1", "tracking=none", "-m", "loss=bce,focal")
    arguments = small(make_folder(), *jobs)
    sweep = tmp_path / "sweep"
    process = started("train", *arguments, "hydra.sweep.dir=sweep", cwd=tmp_path)
    first = sweep / "0" / "summary.json"
    while not first.exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.finish(kill_after=0)
    assert not (sweep / "1" / "summary.json").exists()
    before = {path: path.stat().st_mtime_ns for path in first.parent.rglob("*") if path.is_file()}

    alone = run("train", "resume=sweep", cwd=tmp_path)
    assert alone.returncode == 2
    assert "this is a sweep" in alone.stderr

    done = run("train", *arguments, "resume=sweep", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"finished before: {sweep / '0'}" in done.stdout
    after = {path: path.stat().st_mtime_ns for path in first.parent.rglob("*") if path.is_file()}
    assert {path: after[path] for path in before if path.name != "job.json"} == {
        path: time for path, time in before.items() if path.name != "job.json"
    }
    table = pd.read_csv(sweep / "comparison.csv")
    assert set(table["run"]) == {"0 loss=bce", "1 loss=focal"}

    other = [argument.replace("max_epochs=1", "max_epochs=2") for argument in arguments]
    done = run("train", *other, "resume=sweep", cwd=tmp_path)
    assert done.returncode == 2
    assert "holds a run of another configuration" in done.stdout + done.stderr
