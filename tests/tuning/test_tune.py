"""`imbclf-tune` as a user runs it: trials, the winner's two numbers, its recipe to use next."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from mlflow import MlflowClient
from omegaconf import OmegaConf
from sklearn.metrics import balanced_accuracy_score

from helpers.commands import call, run, small, started
from imbclf.cli.config.build import build_parts
from imbclf.cli.config.compose import compose_train, experiment_yaml, image_overrides, to_overrides
from imbclf.cli.config.conf_dir import conf_dir
from imbclf.cli.config.experiment_file import register_experiment_files
from imbclf.cli.config.hydra_overrides import to_hydra_override
from imbclf.cli.config.part_factories import loss_factory
from imbclf.cli.config.validation import check
from imbclf.cli.tune import space_of
from imbclf.cli.tune_winner import next_command
from imbclf.errors import UserError
from imbclf.tracking.base import NoTracker
from imbclf.tracking.mlflow_store import without_foreign_warnings
from imbclf.training.preparation import prepare
from imbclf.tuning.objective import score_on_dev
from imbclf.tuning.search_space import example_draws
from imbclf.utils.install_line import install_line

SEARCHES = sorted(path.stem for path in (conf_dir() / "search").glob("*.yaml"))
TINY = ("trainer.max_epochs=2", "cv.folds=2", "tune.trials=3", "tune.name=faces")


def tiny(folder: Path, *more: str) -> list[str]:
    """A small experiment whose learning rate is left to the search."""
    fixed = ("optim.lr", "trainer.max_epochs", "cv.folds")
    return [*(one for one in small(folder) if not one.startswith(fixed)), *TINY, *more]


@pytest.fixture
def hydra() -> Iterator[None]:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        yield


# Spaces and experiments


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.usefixtures("hydra")
def test_every_shipped_search_draws_only_what_can_be_trained(search: str) -> None:
    cfg = compose("tune", [f"search={search}"])
    check(cfg, "tune")
    drawn = [*example_draws(space_of(cfg, [f"search={search}"]))]
    assert len(drawn) >= 3
    for one in drawn:
        trial, _ = compose_train(to_overrides(one))
        check(trial, "train")
        parts = {key: instantiate(trial[key], _convert_="all") for key in ("augment", "optim")}
        assert parts["optim"].lr == trial.optim.lr
        loss_factory(instantiate(trial.loss, _convert_="all"))((10, 90))
        instantiate(trial.sampler, _convert_="all")(np.repeat([0, 1], [20, 80]), 0)


@pytest.mark.usefixtures("hydra")
@pytest.mark.parametrize(
    "overrides",
    [
        ["loss=focal", "++loss.gamma=1.5", "++optim.lr=1e-05"],
        ["experiment=best", "loss=vs", "++augment.mixup=0.4", "++model.weights=null"],
        ["experiment=progressive_resnet", "++optim.optimizer.momentum=0.5", "augment=strong"],
        ["model=mobilenet_v3_small", "++trainer.gradient_clip_val=1.5", "++cv.fold=0"],
        ["++data.batch_size=64", "++model.input_size=96"],
    ],
)
def test_a_configuration_written_as_an_experiment_composes_to_itself(
    overrides: list[str], tmp_path: Path
) -> None:
    given = ["++data.dir=somewhere", "++seed=7"]
    cfg, choices = compose_train([*overrides, *given])
    path = tmp_path / "my (best) recipes" / "best.yaml"
    path.parent.mkdir()
    path.write_text(experiment_yaml(cfg, choices, given, ["a line"]), encoding="utf-8")
    again, _ = compose_train(register_experiment_files([f"experiment={path}"]))
    expected = {key: value for key, value in cfg.items() if key not in ("data", "seed")}
    expected["cv"]["fold"] = None
    assert {key: value for key, value in again.items() if key not in ("data", "seed")} == expected
    assert again.data.batch_size == cfg.data.batch_size
    assert again.data.dir == "outputs/demo"
    changed, _ = compose_train([*register_experiment_files([f"experiment={path}"]), "++optim.lr=9"])
    assert changed.optim.lr == 9


@pytest.mark.usefixtures("hydra")
def test_what_an_experiment_file_says_of_data_and_seed_goes_on_to_the_next_command(
    tmp_path: Path,
) -> None:
    first, best = tmp_path / "small.yaml", tmp_path / "best.yaml"
    first.write_text(
        "# @package _global_\ndefaults: [{override /data: folder}]\nseed: 7\ndata:\n"
        "  {dir: faces, batch_size: 16, image_size: 32, label_map: {bad: 0, good: 1},"
        " holdout: 0.2, cache_dir: here}\n"
    )
    # Typed, so that they are in the next command and not in the file.
    typed = [f"experiment={first}", "data.image_size=[48,64]", "tune.trials=3", "loss=focal"]
    given = [f"++{one}" if "." in one else one for one in register_experiment_files(typed)]
    cfg, choices = compose_train([one for one in given if "tune" not in one])
    best.write_text(experiment_yaml(cfg, choices, given, []))
    command = shlex.split(next_command(best, typed, image_overrides(cfg, choices)))
    images = ["data=folder", "data.dir=faces", "data.image_size=[48,64]"]
    assert command == ["imbclf-train", f"experiment={best}", *images]
    stored = OmegaConf.load(best)
    assert {*stored.data} == {"batch_size", "label_map"}
    again, _ = compose_train(
        [to_hydra_override(argument) for argument in register_experiment_files(command[1:])],
    )
    expected = {**cfg.data, "holdout": 0, "cache_dir": "outputs/cache"}
    assert again.data == expected
    assert again.seed == cfg.seed == 7
    assert {**again, "data": None} == {**cfg, "data": None}


@pytest.mark.usefixtures("hydra")
def test_a_next_command_names_no_images_but_those_that_are_not_the_usual() -> None:
    cfg, choices = compose_train(["data=demo"])
    assert image_overrides(cfg, choices) == []
    cfg, choices = compose_train(["data=demo", "++data.dir=elsewhere"])
    assert image_overrides(cfg, choices) == ["data.dir=elsewhere"]


def test_files_of_experiments_may_be_swept_over_and_others_stay(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    for path in (first, second):
        path.write_text("seed: 3\n")
    told = register_experiment_files([f"experiment={first},{second},best", "experiment=none.yaml"])
    assert told[0].count(",") == 2
    assert ".yaml" not in told[0]
    assert told[0].endswith(",best")
    assert told[1] == "experiment=none.yaml"
    first.write_text("a: [")
    with pytest.raises(UserError, match=r"a\.yaml: expected a readable experiment"):
        register_experiment_files([f"experiment={first}"])


@pytest.mark.usefixtures("hydra")
def test_a_file_is_not_taken_for_the_shipped_experiment_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    monkeypatch.chdir(folder)
    paths = ("best.yaml", "../crt.yaml", "../study/one_class.yaml", "résumé (1).yaml")
    for number, path in enumerate(paths, 2):
        Path(path).write_text(f"# @package _global_\nseed: {number}\n")
    for number, path in enumerate(paths, 2):
        for spelled in (path, f"./{path}", str(folder / path)):
            assert (
                compose_train(register_experiment_files([f"experiment={spelled}"]))[0].seed
                == number
            )
    assert compose_train(register_experiment_files(["experiment=best"]))[0].seed == 0
    assert register_experiment_files([f"experiment={','.join(paths[:2])}"]) == [
        "experiment=file/best,file/up/crt"
    ]


# What a trial sees


@pytest.mark.usefixtures("hydra")
def test_a_trial_is_judged_without_a_look_at_test(
    make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the test part holds, the trial comes to the same."""
    monkeypatch.chdir(tmp_path)
    given = [f"++{one}" if "." in one else one for one in small(make_folder())]
    cfg, _ = compose_train([*given, "++data.holdout=0.2"])
    ready = prepare(build_parts(cfg))
    recipe, fold = ready.recipe, ready.folds[0]
    reports: list[tuple[int, float, bool]] = []

    def score(recipe: Any) -> Any:  # noqa: ANN401
        reports.clear()
        return score_on_dev(
            recipe,
            ready.folds,
            [0],
            tmp_path,
            NoTracker(),
            "auroc",
            lambda *all_: reports.append(all_),
        )

    first = score(recipe)
    assert [one[0] for one in reports] == [1, 2]
    assert [one[2] for one in reports] == [False, True]
    assert first.value == first.auroc == reports[-1][1] == max(one[1] for one in reports)
    pixels, labels = np.array(recipe.pixels), recipe.labels.copy()
    pixels[fold.test], labels[fold.test] = 0, 1 - labels[fold.test]
    listing = replace(recipe.listing, labels=labels)
    changed = replace(recipe, listing=listing, pixels=pixels, resident=pixels)
    assert score(changed) == first
    pixels[fold.dev] = pixels[fold.dev][::-1]
    assert score(changed) != first
    assert not [*tmp_path.rglob("*.ckpt")]


# The command


@pytest.mark.slow
def test_the_winner_is_judged_on_what_was_held_out_and_trained_again_by_its_file(
    make_folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = tiny(make_folder(), "tracking=none", "search.loss.choices=[bce,focal]")
    assert call("tune", *arguments) == 0
    text = capsys.readouterr().out
    study = tmp_path / "outputs" / "tune" / "faces"
    facts = json.loads((study / "tune.json").read_text())
    trials = pd.read_csv(study / "trials.csv")
    assert len(trials) == facts["trials"] == 3
    winner = facts["verdict"]["trial"]
    assert trials["trial"][0] == winner
    whole = trials[trials["state"] == "complete"]
    assert trials["auroc"][0] == whole["auroc"].max()
    # The trial and the first fold of its run are the same training.
    own = study / f"winner_{winner}"
    summary = json.loads((own / "summary.json").read_text())
    assert summary["per_fold"][0]["dev_auroc"] == trials["dev_auroc"][0] == trials["auroc"][0]
    assert summary["per_fold"][0]["dev_hter"] == facts["verdict"]["dev_hter"]
    held = pd.read_csv(own / "holdout.csv")
    seen = pd.read_csv(own / "splits.csv")
    judged = pd.read_csv(own / "holdout" / "predictions.csv")
    assert not set(held["file"]) & set(seen["file"])
    assert judged["file"].tolist() == held["file"].tolist()
    hter = 1 - balanced_accuracy_score(judged["label"], judged["decision"])
    assert facts["verdict"]["hter"] == pytest.approx(hter)
    assert f"On test, HTER {hter:.4f}" in text
    assert f"On dev, HTER {facts['verdict']['dev_hter']:.4f}" in text
    page = (study / "tune.html").read_text(encoding="utf-8")
    assert page.count("<svg") + page.count("data:image/svg") == 2  # too few trials for importance
    (line,) = (line for line in text.splitlines() if line.startswith("next "))
    command = shlex.split(line)[1:]
    assert command[:2] == ["imbclf-train", f"experiment={study.relative_to(tmp_path)}/best.yaml"]

    assert facts["verdict"]["looks"] == 1
    assert call("evaluate", str(own), "threshold=1") == 0
    assert "This is look 2 at these images: " in capsys.readouterr().out

    # Given again it is finished, and nothing is trained.
    before = {path: path.stat().st_mtime_ns for path in own.rglob("*.ckpt")}
    assert call("tune", *arguments) == 0
    assert {path: path.stat().st_mtime_ns for path in own.rglob("*.ckpt")} == before
    assert json.loads((study / "tune.json").read_text())["verdict"]["looks"] == 2
    assert call("train", *command[1:], "hydra.run.dir=again", "tracking=none") == 0
    trained = OmegaConf.load(tmp_path / "again" / "config.yaml")
    as_judged = OmegaConf.load(own / "config.yaml")
    assert trained.data.holdout == 0
    assert as_judged.data.holdout == 0.2
    assert {**trained, "data": None} == {**as_judged, "data": None}
    capsys.readouterr()
    assert call("tune", *arguments, "optim=sgd") == 2
    assert "a study of that name has other options" in capsys.readouterr().err


@pytest.mark.slow
@without_foreign_warnings()
def test_without_a_holdout_the_test_part_of_the_one_fold_judges_and_mlflow_has_the_trials(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    arguments = tiny(make_folder(), "data.holdout=0", "tune.metric=hter", "cv.fold=1")
    done = run("tune", *arguments, "tune.storage=sqlite:///study.db", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    study = tmp_path / "outputs" / "tune" / "faces"
    facts = json.loads((study / "tune.json").read_text())
    own = study / f"winner_{facts['verdict']['trial']}"
    summary = json.loads((own / "summary.json").read_text())
    oof = pd.read_csv(own / "oof.csv")
    assert set(oof["fold"]) == {1}
    assert facts["verdict"]["hter"] == summary["hter"]
    assert facts["verdict"]["models"] == 1
    assert facts["verdict"]["dev_hter"] == summary["per_fold"][0]["dev_hter"]
    trials = pd.read_csv(study / "trials.csv")
    assert trials["hter"][0] == trials[trials["state"] == "complete"]["hter"].min()

    client = MlflowClient(f"sqlite:///{tmp_path / 'outputs' / 'mlflow' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("faces")
    assert experiment is not None
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    parent = runs["faces"].info.run_id
    children = {
        name for name, run in runs.items() if run.data.tags.get("mlflow.parentRunId") == parent
    }
    assert children == {*(f"faces/trial_{number}" for number in range(3)), own.name}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    loaded = optuna.load_study(study_name="faces", storage=f"sqlite:///{tmp_path / 'study.db'}")
    for trial in loaded.get_trials():
        stored = runs[f"faces/trial_{trial.number}"].data
        assert float(stored.params["optim.lr"]) == pytest.approx(trial.params["optim.lr"], rel=1e-3)
        assert stored.metrics["pruned"] == (trial.state.name == "PRUNED")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_study_that_was_stopped_ends_as_if_it_had_not_been(
    number: signal.Signals, make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    arguments = tiny(make_folder(), "tracking=none", "tune.pruner=none", "cv.fold=0")
    start = partial(run, "tune", *arguments, "data.holdout=0", cwd=tmp_path)
    assert start("tune.name=whole").returncode == 0
    process = started("tune", *arguments, "data.holdout=0", cwd=tmp_path)
    metrics = tmp_path / "outputs" / "tune" / "faces" / "trials" / "1" / "fold_0" / "metrics.csv"
    while not metrics.exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, number)
    stopped = process.finish()
    if number is signal.SIGINT:
        assert stopped.returncode == 130
        assert "resume with  imbclf-tune" in stopped.stdout
        assert stopped.stdout.rstrip().endswith("tune.name=faces")
    done = start()
    assert done.returncode == 0, done.stderr
    whole, parts = (
        pd.read_csv(tmp_path / "outputs" / "tune" / name / "trials.csv")
        for name in ("whole", "faces")
    )
    assert len(parts) == len(whole) == 3
    # An interrupted trial is tried again under the next number; the third draws by its own number.
    assert parts["trial"].sort_values().tolist() == [0, 2, 3]
    same = ["auroc", "dev_hter", "optim.lr", "sampler", "augment.shift", "augment.mixup"]
    first = [
        table.sort_values("trial").iloc[:2][same].to_numpy().tolist() for table in (whole, parts)
    ]
    assert first[0] == first[1]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("tune.trails=3", "unknown option tune.trails; did you mean tune.trials?"),
        ("tune.trials=none", "tune.trials=none: expected a whole number or null"),
        ("search=losss", "search=losss: no such choice; did you mean losses?"),
        ("search.loss.gama.low=1", "search.loss.gama"),
        ("search.optim.lrr.choices=[1,2]", "unknown option optim.lrr; did you mean optim.lr?"),
        ("search.seed.choices=[1,2]", "search.seed: has to be the same for all trials"),
        ("tune.folds=9", "tune.folds=9: expected at most cv.folds=5"),
        ("tune.name=a/b", "tune.name=a/b"),
        ("-m", "a search is not a sweep"),
    ],
)
def test_mistakes_are_reported_before_anything_is_written(
    argument: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("tune", argument) == 2
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, atexit\n"
        "sys.argv = ['imbclf-tune', '--help']\n"
        "atexit.register(lambda: print('HEAVY', sorted({'torch', 'lightning', 'mlflow', 'optuna',"
        " 'pandas', 'sqlalchemy'} & set(sys.modules))))\n"
        "from imbclf.cli.tune import main; main()"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "HEAVY []" in done.stdout
    assert "tune.name=NAME" in done.stdout
    assert done.returncode == 0


def test_without_optuna_the_install_line_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("imbclf.cli.tune.find_spec", lambda _: None)
    assert call("tune") == 2
    assert install_line("tune") in capsys.readouterr().err
