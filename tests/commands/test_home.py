"""`~` in paths, which a shell leaves alone after `option=`."""

from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import OmegaConf

import imbclf
from helpers.commands import call, small
from imbclf.cli.config.home_paths import PATHS, expand_home
from imbclf.cli.config.hydra_overrides import STRINGS


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home of é"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return folder


def test_every_option_that_holds_paths_is_expanded(home: Path) -> None:
    names = {"tracking.experiment", "tracking.run_name", "name", "alias", "tune.name"}
    names |= {"data.suffix", "data.strip"}  # ends and beginnings of names
    hydra = {"hydra.sweep.subdir", "hydra.job.name"}
    assert STRINGS - names - hydra <= PATHS
    for key in PATHS:
        assert expand_home(f"{key}=~/a") == f"{key}={home}/a"
        assert expand_home(f"{key}=~") == f"{key}={home}"
        for untouched in (f"{key}=a~/b", f"{key}=./~/a", f"{key}=~x/a"):
            assert expand_home(untouched) == untouched
    assert expand_home("run=[~/a,'~/b',c]") == f"run=[{home}/a,'{home}/b',c]"
    assert expand_home("data.dir=~/a,~/b") == f"data.dir={home}/a,{home}/b"
    assert expand_home("tune.storage=sqlite:///~/s.db") == f"tune.storage=sqlite:///{home}/s.db"


@pytest.mark.slow
def test_commands_and_python_find_and_write_below_home(
    home: Path, make_folder: Callable[..., Path]
) -> None:
    make_folder().rename(home / "faces")
    (home / "mine.yaml").write_text("# @package _global_\ndata: {cache_dir: ~/cache}\n")
    quick = [one for one in small(Path("~/faces")) if one != "trainer.max_epochs=2"]
    arguments = [*quick, "trainer.max_epochs=1", "experiment=~/mine.yaml"]
    assert call("train", *arguments, "tracking.directory=~/store", "hydra.run.dir=~/run") == 0
    stored = OmegaConf.load(home / "run" / "config.yaml")
    assert stored.data.dir == f"{home}/faces"
    assert stored.data.cache_dir == f"{home}/cache"
    assert call("predict", "ckpt=~/run", "data.dir=~/faces/val_img", "out=~/predicted") == 0
    assert call("report", "run=~/run", "data.dir=~/faces") == 0
    assert call("compare", "runs=[~/run,~/run]", "out=~/compared") == 2  # the same run twice
    assert call("train", "resume=~/run") == 2  # it is finished
    options = {
        "model": "shufflenet_v2_x1_0",
        "model.name": "shufflenet_v2_x0_5",
        "model.weights": None,
        "data.batch_size": 32,
        "data.cache_dir": "~/cache",
        "cv.folds": 3,
        "trainer.max_epochs": 1,
        "tracking": "none",
    }
    run = imbclf.train("~/faces", out="~/second", config=options)
    assert run.path == home / "second"
    assert imbclf.load("~/second").image_size == (32, 32)
    assert len(imbclf.compare(["~/run", "~/second"], out="~/compared")) == 2
    found = {path.name for path in home.iterdir()}
    assert {"run", "store", "cache", "predicted", "compared", "second"} <= found
    assert "~" not in {path.name for path in Path().rglob("*")}
