"""Folds that were trained as jobs, by whatever launcher, are one run in the end."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from helpers.commands import call, run, small
from helpers.noise_images import write_folder

pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow's own code

FOLDS = ("-m", "cv.fold=0,1")
FEW = ("cv.folds=2", "data.batch_size=12", "sampler=balanced", "loss.start_at=0.5")
LAUNCHERS = {
    "basic": (),
    "joblib": ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
    "submitit": ("hydra/launcher=submitit_local", "hydra.launcher.cpus_per_task=1"),
    "ray": ("hydra/launcher=ray",),
}


def contents(folder: Path) -> dict[str, bytes]:
    """Read what has to be the same, byte for byte."""
    names = ("oof.csv", "splits.csv", "config.yaml", "suspects.csv")
    files = [*(folder / name for name in names), *(folder / "predictor").iterdir()]
    files += folder.glob("fold_*/scores.csv")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path]:
    """Return the arguments of a run of two folds, and the run that one process made of them."""
    folder = tmp_path_factory.mktemp("whole")
    images = write_folder(folder / "faces", images=60, minority=20)
    arguments = small(images, *FEW)
    done = run("train", *arguments, "hydra.run.dir=whole", "tracking=none", cwd=folder, drawn=True)
    assert done.returncode == 0, done.stderr
    return arguments, folder / "whole"


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_folds_as_jobs_come_to_what_one_process_comes_to(
    launcher: str,
    whole: tuple[list[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if launcher == "ray":
        monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    # Numbers are added up in the same order, whatever a launcher thinks of the number of threads.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    arguments, expected = whole
    jobs = (*FOLDS, *LAUNCHERS[launcher], "hydra.sweep.dir=sweep")
    done = run("train", *arguments, *jobs, cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "imbclf-gather" in done.stdout
    assert "comparison" not in done.stdout  # folds are no rivals
    done = run("gather", "sweep", cwd=tmp_path, drawn=True)
    assert done.returncode == 0, done.stderr
    gathered = tmp_path / "sweep" / "gathered"
    one, other = contents(expected), contents(gathered)
    other["config.yaml"] = one["config.yaml"]  # which says where it is tracked
    assert one == other
    assert "Traceback" not in done.stderr
    assert (gathered / "report.html").exists()

    client = MlflowClient(f"sqlite:///{tmp_path / 'outputs' / 'mlflow' / 'mlflow.db'}")
    parent = (gathered / "tracking_run").read_text()
    (experiment,) = [
        one.experiment_id for one in client.search_experiments() if one.name == "faces"
    ]
    children = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")
    assert len(children) == 2
    for child in children:
        epochs = client.get_metric_history(child.info.run_id, "dev/auroc")
        fold = child.data.tags["imbclf.fold"]
        metrics = pd.read_csv(gathered / f"fold_{fold}" / "metrics.csv")
        assert [one.value for one in epochs] == pytest.approx(metrics["dev/auroc"].tolist())


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Return a sweep over the folds of two losses, and the arguments that it was made with."""
    folder = tmp_path_factory.mktemp("swept")
    images = write_folder(folder / "faces", images=60, minority=20)
    arguments = small(images, "tracking=none", "trainer.max_epochs=1", "data.batch_size=16", "-m")
    arguments += ["cv.fold=0,1,2", "loss=bce,focal", "hydra.sweep.dir=sweep"]
    assert run("train", *arguments, cwd=folder).returncode == 0
    return folder / "sweep", arguments


@pytest.fixture
def sweep(
    swept: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, list[str]]:
    """Return a copy of it below the working directory, to damage, and its arguments."""
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(swept[0], tmp_path / "sweep"), swept[1]


@pytest.mark.slow
def test_a_sweep_over_more_than_folds_is_gathered_into_several_runs(
    sweep: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, arguments = sweep
    assert call("gather", "sweep") == 0
    gathered = sorted(path.name for path in (folder / "gathered").iterdir())
    assert gathered == ["loss=bce", "loss=focal"]
    for name in gathered:
        table = pd.read_csv(folder / "gathered" / name / "oof.csv")
        assert set(table["fold"]) == {0, 1, 2}
        assert table["file"].is_unique
    assert call("compare", "sweep/gathered", "out=compared") == 0
    assert "loss=focal" in capsys.readouterr().out

    assert call("gather", "sweep") == 2
    assert (
        "holds a gathered run already; choose another or overwrite=true" in capsys.readouterr().err
    )
    before = (folder / "gathered" / "loss=bce" / "oof.csv").read_bytes()
    assert call("gather", "sweep", "overwrite=true") == 0
    assert (folder / "gathered" / "loss=bce" / "oof.csv").read_bytes() == before

    # What is missing is named, all of it, and so is the remedy.
    (folder / "2" / "summary.json").unlink()
    shutil.rmtree(folder / "5")
    capsys.readouterr()
    assert call("gather", "sweep", "overwrite=true") == 2
    err = capsys.readouterr().err
    assert "fold 1 is not finished" in err
    assert "no job trained fold 2" in err
    assert "resume=sweep" in err
    assert run("train", *arguments[:-1], "resume=sweep", cwd=folder.parent).returncode == 0
    assert call("gather", "sweep", "overwrite=true") == 0


@pytest.mark.slow
def test_jobs_that_do_not_belong_together_are_refused(
    sweep: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = sweep
    splits = folder / "0" / "splits.csv"
    splits.write_text(splits.read_text().replace("fit", "test", 1))
    assert call("gather", "sweep") == 2
    assert "only folds of the same images and splits can be gathered" in capsys.readouterr().err

    outside = folder.parent / "outside"
    outside.mkdir()
    (folder / "gathered").rename(folder / "kept")
    (folder / "gathered").symlink_to(outside)
    assert call("gather", "sweep") == 2
    assert "leads out of the sweep by a link" in capsys.readouterr().err
    assert not list(outside.iterdir())
    (folder / "gathered").unlink()

    config = folder / "0" / "config.yaml"
    config.write_text(config.read_text().replace("fold: 0", "fold: null"))
    assert call("gather", "sweep") == 2
    assert "expected jobs of one fold each" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: expected a sweep directory of imbclf-train with jobs in it"),
        ([], "run is needed: add run=..."),
        (["sweep=x", "overwrit=true"], "did you mean overwrite?"),
    ],
)
def test_mistakes_are_one_message(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("gather", *arguments) == 2
    assert message in capsys.readouterr().err


def test_a_hostile_sweep_runs_nothing_and_loops_for_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    job = tmp_path / "sweep" / "0"
    job.mkdir(parents=True)
    config = job / "config.yaml"
    config.write_text("cv: {fold: 0, folds: 1000000000000, repeats: 1}\n")
    assert call("gather", "sweep") == 2
    assert "cv.folds=1000000000000" in capsys.readouterr().err
    config.write_text(
        "cv: {fold: 0, folds: 1, repeats: 1}\nloss: {_target_: os.system}\n"
        "data: {cache_dir: /elsewhere}\ntracking: {}\n"
    )
    (job / "summary.json").write_text("{}")
    assert call("gather", "sweep") == 2
    err = capsys.readouterr().err
    assert "allow it: imbclf-gather sweep loss._target_=os.system data.cache_dir=/elsewhere" in err
    assert "Traceback" not in err
    assert [path.name for path in (tmp_path / "sweep").iterdir()] == ["0"]


MINE = """
from torch import nn

class Loss(nn.BCEWithLogitsLoss):
    pass
"""


@pytest.mark.slow
def test_folds_with_a_loss_of_ones_own_are_gathered_where_it_is_allowed(
    make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    options = ("tracking=none", "trainer.max_epochs=1", "loss._target_=mine.Loss", "cv.folds=2")
    arguments = small(
        make_folder(images=60),
        *options,
        "data.batch_size=12",
        "-m",
        "cv.fold=0,1",
        "hydra.sweep.dir=sweep",
    )
    assert run("train", *arguments, cwd=tmp_path).returncode == 0
    refused = run("gather", "sweep", cwd=tmp_path)
    assert refused.returncode == 2
    assert "allow it: imbclf-gather sweep loss._target_=mine.Loss\n" in refused.stderr
    done = run("gather", "sweep", "loss._target_=mine.Loss", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "sweep" / "gathered" / "summary.json").exists()


@pytest.mark.parametrize(
    ("launcher", "extra"), [("joblib", "joblib"), ("submitit_slurm", "slurm"), ("ray", "ray")]
)
def test_a_launcher_that_is_not_installed_names_its_extra(
    launcher: str, extra: str, make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    """The plugins are hidden from a process of its own, and so is Ray."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import pkgutil, sys\n"
        "listed = pkgutil.iter_modules\n"
        "def iter_modules(path=None, prefix=''):\n"
        "    hidden = ('joblib_launcher', 'submitit_launcher')\n"
        "    return [m for m in listed(path, prefix) if not m.name.endswith(hidden)]\n"
        "pkgutil.iter_modules = iter_modules\n"
        "sys.modules['ray'] = None\n"  # which is how Python hides a module
    )
    arguments = small(make_folder(), "tracking=none", *FOLDS, f"hydra/launcher={launcher}")
    done = subprocess.run(
        [Path(sys.executable).with_name("imbclf-train"), *arguments],
        cwd=tmp_path,
        env={"PATH": "", "PYTHONPATH": str(hidden)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert f"[{extra}]" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(shutil.which("srun") is not None, reason="has a SLURM cluster")
def test_a_failed_launcher_is_reported(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    arguments = small(make_folder(), "tracking=none", *FOLDS, "hydra/launcher=submitit_slurm")
    done = run("train", *arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert "the sweep's launcher failed: Could not detect" in done.stderr
    assert "Traceback" not in done.stderr
    (details,) = tmp_path.rglob("error.txt")
    assert "srun" in details.read_text()
