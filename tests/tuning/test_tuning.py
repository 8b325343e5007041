"""A study without any training: what is drawn, pruned, counted, requeued and shared."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from imbclf.errors import DivergedError, Interrupted, UserError
from imbclf.tracking.base import NoTracker, Tracker
from imbclf.tuning import trials as searching
from imbclf.tuning.draw import Replay, draw
from imbclf.tuning.importance import importances
from imbclf.tuning.objective import DevScore, ReportProgress
from imbclf.tuning.options import TuneOptions
from imbclf.tuning.search_space import (
    Choices,
    Range,
    Scalar,
    Space,
    drop_given,
    read_space,
)
from imbclf.tuning.study import best_trial, counted_trials, exclusive_access, open_study
from imbclf.tuning.trials import search
from imbclf.tuning.worker import Worker

EPOCHS = 9
SPACE = read_space(
    {
        "optim": {"lr": {"low": 1e-4, "high": 1e-1, "log": True}},
        "augment": {"shift": {"low": 0, "high": 8}},
        "loss": {"choices": {"bce": None, "focal": {"gamma": {"low": 0.0, "high": 4.0}}}},
    }
)


def options(folder: Path, **others: Any) -> TuneOptions:  # noqa: ANN401
    return TuneOptions("faces", str(folder), **{"trials": 12, "startup": 4, **others})


def value_of(drawn: Mapping[str, Scalar]) -> float:
    """Best for a learning rate of .01 and focal loss with gamma 2."""
    lr, gamma = float(drawn["optim.lr"] or 0), float(drawn.get("loss.gamma") or 0)
    return 1 / (1 + abs(lr - 0.01) * 50) - 0.1 * abs(gamma - 2)


def objective(
    drawn: Mapping[str, Scalar],
    folder: Path,  # noqa: ARG001
    tracker: Tracker,  # noqa: ARG001
    report_progress: ReportProgress,
) -> DevScore:
    value = value_of(drawn)
    for epoch in range(1, EPOCHS + 1):
        report_progress(epoch, value * epoch / EPOCHS, epoch == EPOCHS)
    return DevScore(value, 0.5 - value / 2, value, EPOCHS)


def at_once(
    drawn: Mapping[str, Scalar],
    folder: Path,  # noqa: ARG001
    tracker: Tracker,  # noqa: ARG001
    report_progress: ReportProgress,  # noqa: ARG001
) -> DevScore:
    value = value_of(drawn)
    return DevScore(value, 0.5 - value / 2, value, EPOCHS)


def run(
    made: TuneOptions, what: searching.Objective = objective, space: Space = SPACE
) -> list[FrozenTrial]:
    study = open_study(made, {"data": "faces"}, seed=3)
    search(study, space, made, EPOCHS, what, NoTracker())
    return study.get_trials()


def contents(trials: list[FrozenTrial]) -> list[tuple[Any, ...]]:
    return [(one.number, one.state, one.params, one.intermediate_values) for one in trials]


# What is varied


def test_draws_stay_in_range_and_what_is_below_a_choice_comes_with_it() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    seen = [draw(SPACE, study.ask()) for _ in range(200)]
    assert all(1e-4 <= float(one["optim.lr"] or 0) <= 0.1 for one in seen)
    assert {one["augment.shift"] for one in seen} == set(range(9))
    assert all(("loss.gamma" in one) == (one["loss"] == "focal") for one in seen)
    assert 60 < sum(float(one["optim.lr"] or 0) < 10**-2.5 for one in seen) < 140  # log-uniform
    for trial, one in zip(study.get_trials(), seen, strict=True):
        assert draw(SPACE, Replay(trial.params)) == one


@pytest.mark.parametrize(
    "params",
    [
        {"optim.lr": "os.system", "augment.shift": 0, "loss": "bce"},
        {"optim.lr": 0.01, "augment.shift": 99, "loss": "bce"},
        {"optim.lr": 0.01, "augment.shift": 0, "loss": "os.system"},
        {"optim.lr": 0.01, "augment.shift": 0},
    ],
)
def test_what_a_search_would_never_draw_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="would never draw"):
        draw(SPACE, Replay(params))


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"optim": {"lr": 0.1}}, r"search\.optim\.lr=0\.1: expected"),
        ({"lr": {"low": 1, "high": 1}}, "low < high"),
        ({"lr": {"low": 0.0, "high": 1.0, "log": True}}, "low > 0"),
        ({"lr": {"low": 0.1}}, "expected numbers"),
        ({"lr": {"low": 0.1, "high": "x"}}, "expected numbers"),
        ({"lr": {"low": 0.1, "hihg": 1, "high": 2}}, "hihg beside"),
        ({"loss": {"choices": []}}, "expected a list"),
        ({"loss": {"choices": ["a", "a"]}}, "different plain values"),
        ({"loss": {"choices": [[1, 2]]}}, "different plain values"),
    ],
)
def test_a_mistaken_space_is_named(node: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_space(node)


def test_what_is_given_is_not_varied() -> None:
    assert list(drop_given(SPACE, {"loss": "focal", "optim.lr": "1"})) == [
        "augment.shift",
        "loss.gamma",
    ]
    left = drop_given(SPACE, {"loss.gamma": "1"})["loss"]
    assert left == Choices(("bce", "focal"), {"bce": {}, "focal": {}})
    assert drop_given({"a": Range(0.0, 1.0)}, {"a": "0.5"}) == {}


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"name": "../up"}, "tune.name"),
        ({"trials": None}, "it never ends"),
        ({"trials": 0}, "tune.trials=0"),
        ({"hours": 0.0}, "tune.hours"),
        ({"metric": "accuracy"}, "expected one of auroc"),
        ({"pruner": "hyperband"}, "expected one of halving"),
    ],
)
def test_options_out_of_range_are_refused(others: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        TuneOptions(**{"name": "faces", **others})


# What is drawn


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_study_that_was_stopped_draws_what_it_would_have_drawn(
    sampler: str, tmp_path: Path
) -> None:
    whole = run(options(tmp_path / "whole", sampler=sampler))
    for trials in (3, 4, 9, 12):
        parts = run(options(tmp_path / "parts", sampler=sampler, trials=trials))
    assert contents(parts) == contents(whole)
    assert len({one.params["optim.lr"] for one in whole}) == 12


def test_tpe_finds_what_random_draws_do_not(tmp_path: Path) -> None:
    def best(sampler: str) -> float:
        made = options(tmp_path / sampler, sampler=sampler, trials=40, startup=10)
        return max(float(one.value or 0) for one in run(made, at_once))

    assert best("tpe") > best("random")
    assert best("tpe") > 0.9


def test_pruning_is_successive_halving_done_by_hand(tmp_path: Path) -> None:
    trials = run(options(tmp_path, trials=30, sampler="random"))
    at: dict[int, list[float]] = {1: [], 4: []}
    for trial in trials:
        value, ended = value_of(draw(SPACE, Replay(trial.params))), EPOCHS
        for step, reached in at.items():
            reached.append(value * step / EPOCHS)
            if sorted(reached, reverse=True).index(reached[-1]) >= max(1, len(reached) // 4):
                ended = step
                break
        assert trial.last_step == ended
        assert (trial.state is TrialState.COMPLETE) == (ended == EPOCHS)
    epochs = sum(trial.last_step or 0 for trial in trials)
    assert epochs < 0.4 * EPOCHS * len(trials)


@pytest.mark.parametrize("metric", ["auroc", "hter"])
def test_no_pruner_and_either_direction(metric: str, tmp_path: Path) -> None:
    made = options(tmp_path, metric=metric, pruner="none", trials=6)
    trials = run(made)
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    pick = max if metric == "auroc" else min
    best = best_trial(trials, made.direction)
    assert best is not None
    assert best.value == pick(float(trial.value or 0) for trial in trials)


def test_importance_falls_on_what_matters(tmp_path: Path) -> None:
    made = options(tmp_path, trials=40, sampler="random")
    trials = run(made, at_once, drop_given(SPACE, {"loss": "bce"}))
    shares = importances(trials, made.direction)
    assert list(shares) == ["optim.lr", "augment.shift"]
    assert sum(shares.values()) == pytest.approx(1)
    assert importances(trials[:7], made.direction) == {}


# What goes wrong


class Stop:
    """An objective that ends otherwise in some of its calls, at the third epoch."""

    def __init__(self, error: BaseException, *calls: int) -> None:
        self.error, self.calls, self.number = error, calls, count()

    def __call__(
        self,
        drawn: Mapping[str, Scalar],
        folder: Path,
        tracker: Tracker,
        report_progress: ReportProgress,
    ) -> DevScore:
        if next(self.number) in self.calls:
            raise self.error
        return objective(drawn, folder, tracker, report_progress)


def test_an_interrupted_trial_is_tried_again(tmp_path: Path) -> None:
    made = options(tmp_path, trials=6)
    with pytest.raises(Interrupted):
        run(made, Stop(Interrupted(2), 2))
    trials = run(made)
    assert trials[2].state is TrialState.FAIL
    assert trials[3].params == trials[2].params
    assert [one.number for one in trials if one.state is not TrialState.FAIL] == [0, 1, 3, 4, 5, 6]


def test_a_training_that_diverges_counts_as_the_worst(tmp_path: Path) -> None:
    made = options(tmp_path, trials=6)
    study = open_study(made, {}, 0)
    search(study, SPACE, made, EPOCHS, Stop(DivergedError("not finite"), 1), NoTracker())
    trials = study.get_trials()
    assert trials[1].state is TrialState.PRUNED
    assert trials[1].last_step is None
    assert len(counted_trials(study)) == 6


def test_failures_are_written_down_and_three_in_a_row_end_the_study(tmp_path: Path) -> None:
    made = options(tmp_path, trials=6)
    trials = run(made, Stop(RuntimeError("no memory"), 0, 1, 3))
    assert [one.state is TrialState.FAIL for one in trials[:4]] == [True, True, False, True]
    assert len(trials) == 6
    error = (made.folder / "trials" / "0" / "error.txt").read_text(encoding="utf-8")
    assert "no memory" in error
    with pytest.raises(UserError, match=r"3 trials in a row failed.*no images"):
        run(options(tmp_path, trials=20), Stop(UserError("no images"), 0, 1, 2))


def test_a_trial_interrupted_by_hours_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = count()
    monkeypatch.setattr(searching, "monotonic", lambda: 100 * next(clock))
    made = options(tmp_path, trials=None, hours=0.5, pruner="none")
    trials = run(made)  # 18 looks at the clock, one before each trial, one after each epoch
    assert [one.state for one in trials[:2]] == [TrialState.COMPLETE, TrialState.FAIL]
    assert 1 <= (trials[1].last_step or 0) < EPOCHS
    assert trials[2].state is TrialState.WAITING
    monkeypatch.setattr(searching, "monotonic", lambda: 0)
    again = run(options(tmp_path, trials=3, pruner="none"))
    assert again[2].state is TrialState.COMPLETE
    assert again[2].params == trials[1].params


def test_the_first_trial_is_not_interrupted_by_hours(tmp_path: Path) -> None:
    trials = run(options(tmp_path, trials=None, hours=1e-9))
    assert trials == []

    def slow(
        drawn: Mapping[str, Scalar], folder: Path, tracker: Tracker, report_progress: ReportProgress
    ) -> DevScore:
        time.sleep(0.02)
        return objective(drawn, folder, tracker, report_progress)

    trials = run(options(tmp_path, trials=None, hours=0.01 / 3600), slow)
    assert [one.state for one in trials] == [TrialState.COMPLETE]


# What is shared

PROCESS = """
import sys, time
sys.path[:0] = {path}
import test_tuning as own
from imbclf.tuning.options import TuneOptions

def slowly(drawn, folder, tracker, report_progress):
    print("began", flush=True)
    time.sleep({pause})
    return own.objective(drawn, folder, tracker, report_progress)

own.run(TuneOptions("faces", {folder!r}, trials={trials}, startup=4, storage={storage!r}), slowly)
"""


def process(
    folder: Path, trials: int, pause: float, storage: str | None = None
) -> "subprocess.Popen[str]":
    code = PROCESS.format(
        path=[str(Path(__file__).parent)],
        folder=str(folder),
        trials=trials,
        pause=pause,
        storage=storage,
    )
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_processes_share_a_study_and_draw_nothing_twice(kind: str, tmp_path: Path) -> None:
    storage = None if kind == "journal" else f"sqlite:///{tmp_path / 'study.db'}"
    running = [process(tmp_path, 14, 0.05, storage) for _ in range(2)]
    for one in running:
        one.communicate()
        assert one.returncode == 0
    made = options(tmp_path, trials=14, storage=storage)
    trials = open_study(made, {"data": "faces"}, 3).get_trials()
    assert len(trials) == 14
    assert {trial.state for trial in trials} <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert len({trial.params["optim.lr"] for trial in trials}) == 14
    assert len({trial.user_attrs["imbclf.worker"] for trial in trials}) == 2
    assert not [*(made.folder / "workers").iterdir()]


@pytest.mark.slow
def test_the_trial_of_a_killed_process_is_tried_again_and_that_of_a_living_one_is_not(
    tmp_path: Path,
) -> None:
    made = options(tmp_path, trials=4)
    dying = process(tmp_path, 4, 60)
    assert dying.stdout is not None
    assert dying.stdout.readline() == "began\n"
    study = open_study(made, {"data": "faces"}, 3)
    worker = Worker(made.folder)
    with exclusive_access(made.folder):
        worker.requeue_dead(study)
    assert study.get_trials()[0].state is TrialState.RUNNING
    os.kill(dying.pid, signal.SIGKILL)
    dying.communicate()
    with exclusive_access(made.folder):
        worker.requeue_dead(study)
    worker.leave(study)
    assert study.get_trials()[0].state is TrialState.FAIL
    trials = run(made)
    assert trials[1].params == trials[0].params
    assert len(trials) == 5
    assert not [one for one in trials if one.state is TrialState.RUNNING]


def test_a_trial_that_was_only_begun_is_requeued(tmp_path: Path) -> None:
    made = options(tmp_path)
    study, worker = open_study(made, {}, 0), Worker(made.folder)
    begun = worker.ask(study, made.trials)
    assert begun is not None
    params = draw(SPACE, begun)
    worker.leave(study)
    assert study.get_trials()[0].state is TrialState.FAIL
    assert draw(SPACE, study.ask()) == params
    assert len(counted_trials(study)) == 1


def test_another_study_of_that_name_is_refused(tmp_path: Path) -> None:
    made = options(tmp_path)
    open_study(made, {"optim.lr": 0.1, "data.dir": "a"}, 0)
    open_study(made, {"optim.lr": 0.1, "data.dir": "a"}, 0)
    with pytest.raises(UserError, match=r"optim\.lr: 0\.1, now 0\.2"):
        open_study(made, {"optim.lr": 0.2, "data.dir": "a"}, 0)


@pytest.mark.parametrize("text", ["junk\n", "[1]\n", '{"op_code": 99}\n', '{"op_code": 0}\n'])
def test_a_strange_journal_is_a_message(text: str, tmp_path: Path) -> None:
    made = options(tmp_path)
    made.folder.mkdir(parents=True)
    (made.folder / "study.log").write_text(text * 2)
    with pytest.raises(UserError, match="cannot be opened"):
        open_study(made, {}, 0)


def test_half_a_line_at_the_end_is_cut_off(tmp_path: Path) -> None:
    made = options(tmp_path, trials=3)
    before = contents(run(made))
    journal = made.folder / "study.log"
    with journal.open("a") as file:
        file.write(json.dumps({"op_code": 4})[:7])
    assert contents(run(options(tmp_path, trials=5)))[:3] == before


def test_a_process_killed_while_it_writes_the_journal_keeps_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    killed = """
import os, signal
from imbclf.tuning.options import TuneOptions
from imbclf.tuning.study import open_study
study = open_study(TuneOptions("faces", "studies"), {}, 0)
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
study.ask()
"""
    done = subprocess.run([sys.executable, "-c", killed], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    resumed = """
from imbclf.tuning.options import TuneOptions
from imbclf.tuning.study import open_study
open_study(TuneOptions("faces", "studies"), {}, 0).ask()
"""
    subprocess.run([sys.executable, "-c", resumed], check=True, timeout=60)
