"""As many epochs as fit into a time limit: planned once, the same for all folds, and said."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.commands import call, small
from imbclf.errors import UserError
from imbclf.evaluation.run_directory import read_summary
from imbclf.training import planning
from imbclf.training.pace import Workload
from imbclf.training.pilot import Measured
from imbclf.training.time_limit import (
    RESERVED_SECONDS,
    RESERVED_SHARE,
    Deadline,
    Plan,
    epochs_in_time,
    make_plan,
    parse_time_limit,
    read_plan,
    write_plan,
)

WORK = Workload(epochs=40, steps=10, batch_size=32, dev=64, test=128)
OPTIONS = ("cv.folds=2", "tracking=none", "data.cache_dir=cache")


@pytest.mark.parametrize("wrong", ["soon", "10 parsecs", "-5m", "0", "5m-1s", True, "1m30"])
def test_what_is_no_time_is_refused(wrong: object) -> None:
    with pytest.raises(UserError, match=r"trainer.time_limit=.*90s, 10m or 1h30m"):
        parse_time_limit(wrong)


def test_the_most_epochs_that_fit_are_planned() -> None:
    for seconds in (10, 99.5, 100, 600):
        for folds in (1, 3, 5):
            fitting = [n for n in range(41) if folds * (n * 4.0 + 7.0) <= seconds]
            assert epochs_in_time(seconds, 40, folds, 4.0, 7.0) == max(fitting, default=0)


def test_a_plan_leaves_the_reserve_and_never_exceeds_what_was_asked_for() -> None:
    plan = make_plan(Deadline.after(300.0), WORK, 5, 0.2, 2.0)  # type: ignore[arg-type]
    each = 2.0 + WORK.scoring_seconds(0.2) + plan.epochs * plan.epoch_seconds
    usable = 300.0 * (1 - RESERVED_SHARE) - RESERVED_SECONDS
    assert 5 * each <= usable < 5 * (each + plan.epoch_seconds)
    assert make_plan(Deadline.after(1e6), WORK, 5, 0.2, 2.0).epochs == 40  # type: ignore[arg-type]


def test_less_than_an_epoch_per_fold_is_refused_with_the_time_that_it_takes() -> None:
    with pytest.raises(UserError, match=r"one epoch of 5 folds takes 3 min") as refused:
        make_plan(Deadline.after(60.0), WORK, 5, 2.0, 1.0)  # type: ignore[arg-type]
    assert "trainer.limit_train_batches" in str(refused.value)
    needed = 5 * (WORK.epoch_seconds(2.0) + WORK.scoring_seconds(2.0) + 1.0) + RESERVED_SECONDS
    needed /= 1 - RESERVED_SHARE
    assert 150 < needed < 180  # 3 minutes
    assert make_plan(Deadline.after(needed + 1), WORK, 5, 2.0, 1.0).epochs == 1  # type: ignore[arg-type]


def test_a_plan_is_read_back(tmp_path: Path) -> None:
    assert read_plan(tmp_path) is None
    plan = Plan(600.0, asked=40, epochs=3, epoch_seconds=0.1 + 0.2)
    write_plan(tmp_path, plan)
    assert read_plan(tmp_path) == plan
    (tmp_path / "plan.json").write_text('{"epochs": -1}')
    with pytest.raises(UserError, match="plan"):
        read_plan(tmp_path)


@pytest.mark.slow
def test_a_run_in_time_is_the_run_of_as_many_epochs(
    make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = [*small(make_folder(), *OPTIONS), "optim.schedule=one_cycle", "optim.frozen=0.5"]
    assert call("train", *arguments, "hydra.run.dir=plain") == 0
    # The first steps that were measured leave no trace.
    assert call("train", *arguments, "hydra.run.dir=ample", "trainer.time_limit=2h") == 0
    oof = Path("plain/oof.csv").read_bytes()
    assert Path("ample/oof.csv").read_bytes() == oof
    assert read_summary(Path("ample"))["epochs"] == {
        "asked": 2,
        "planned": 2,
        "time_limit": 7200.0,
    }

    monkeypatch.setattr(planning, "measure_steps", lambda _: Measured(3, 100.0, 1.0))
    long = [*arguments, "trainer.max_epochs=9", "trainer.time_limit=1h"]
    assert call("train", *long, "hydra.run.dir=short") == 0
    summary = read_summary(Path("short"))
    planned = summary["epochs"]["planned"]
    assert 0 < planned < 9
    assert [row["trained_epochs"] for row in summary["per_fold"]] == [planned, planned]
    assert any(f"{planned} of 9 epochs were trained" in one for one in summary["warnings"])
    same = [*arguments, f"trainer.max_epochs={planned}", "hydra.run.dir=same"]
    assert call("train", *same) == 0
    assert Path("short/oof.csv").read_bytes() == Path("same/oof.csv").read_bytes()

    # A run that is interrupted before its last fold is resumed with the same plan.
    for name in ("summary.json", "fold_1"):
        path = Path("short") / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    monkeypatch.setattr(planning, "measure_steps", lambda _: pytest.fail("planned again"))
    assert call("train", "resume=short") == 0
    assert Path("short/oof.csv").read_bytes() == Path("same/oof.csv").read_bytes()
    assert json.loads(Path("short/plan.json").read_text())["epochs"] == planned
