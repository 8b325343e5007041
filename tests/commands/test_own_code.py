"""The user's own classes and modules: each mistake is one message that says where it is."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from helpers.commands import call, run, small
from imbclf.cli.train import resume_command

MODULE = """
import torch
from torch import nn
from torch.utils.data import Sampler
from imbclf.samplers import ShuffleSampler
class Lion(torch.optim.SGD): pass
class Plain(Sampler):
    def __init__(self, labels, seed): self.labels = labels
    def __iter__(self): return iter(range(len(self.labels)))
    def __len__(self): return len(self.labels)
def plain(labels, seed): return Plain(labels, seed)
class Flip:
    def __init__(self): pass
class Vector(nn.Module):
    def forward(self, logits, targets):
        return nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
class Pair(nn.Module):
    def forward(self, logits, targets): return logits.sum(), 1
class Mean(nn.Module):
    def forward(self, logits, targets):
        return nn.functional.binary_cross_entropy_with_logits(logits, targets)
"""


@pytest.fixture
def arguments(
    make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_code_of_test.py").write_text(MODULE)
    given = [one for one in small(make_folder(60, 20)) if one != "trainer.max_epochs=2"]
    monkeypatch.delitem(sys.modules, "own_code_of_test", raising=False)
    return [*given, "trainer.max_epochs=1", "tracking=none", "cv.fold=0"]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("optim._target_=NAME.Lion", "set by optim.optimizer._target_=NAME.Lion"),
        ("sampler._target_=NAME.Plain", "sampler: NAME.Plain has to be an imbclf.samplers.Index"),
        ("sampler._target_=NAME.plain", "sampler: NAME.plain has to be an imbclf.samplers.Index"),
        ("augment._target_=NAME.Flip", "augment: NAME.Flip has to be callable with images"),
        ("loss._target_=NAME.Vector", "loss: Vector gave ["),
        ("loss._target_=NAME.Pair", "loss: Pair gave tuple"),
        ("optim.optimizer._target_=torch.optim.LBFGS", "optim: LBFGS"),
        ("trainer.precision=transformer-engine", "trainer: "),
        ("optim.optimizer.weight_decay=5", "optim.weight_decay: set that"),
        ("optim.optimizer.lr=0.1", "optim.lr: set that"),
        ("trainer.profiler=simple", "trainer.profiler=simple would show nothing"),
        ("trainer.limit_test_batches=1", "trainer.limit_test_batches has no effect"),
        ("trainer.log_every_n_steps=1", "has no effect"),
        ("trainer.model_registry=x", "has no effect"),
    ],
)
def test_a_part_that_does_not_fit_is_named(
    arguments: list[str], capsys: pytest.CaptureFixture[str], option: str, said: str
) -> None:
    name = "own_code_of_test"
    target = option.replace("NAME", name)
    assert call("train", *arguments, target) == 2
    error = capsys.readouterr().err
    assert error.startswith("imbclf-train: error: ")
    assert said.replace("NAME", name) in error


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("import math\nimport nothere\nclass X: pass\n", 2, "No module named 'nothere'"),
        ("class X:\n    pass\n1 / 0\n", 3, "division by zero"),
        ("class X:\n    def __init__(self): pass\n\nraise ValueError('so')\n", 4, "so"),
        ("class X:\n    def (self): pass\n", 2, "invalid syntax"),
    ],
)
def test_a_module_that_cannot_be_imported_is_told_with_file_and_line(
    arguments: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    line: int,
    said: str,
) -> None:
    name = f"broken_module_{abs(hash(source))}"
    Path(f"{name}.py").write_text(source)
    assert call("train", *arguments, f"loss._target_={name}.X") == 2
    error = capsys.readouterr().err
    assert f"{name}.py, line {line}: cannot be imported" in error
    assert said in error
    monkeypatch.delitem(sys.modules, name, raising=False)


def test_closed_options_are_not_suggested(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("train", *arguments, "trainer.early_stopping=true") == 2
    error = capsys.readouterr().err
    known = error.partition("known here: ")[2].strip().split(", ")
    assert "max_epochs" in known
    assert "callbacks" in known
    assert not {"fast_dev_run", "profile"} & {*known}


def test_the_command_that_resumes_has_the_approvals_that_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cfg = OmegaConf.create(
        {
            "loss": {"_target_": "mine.Loss"},
            "data": {"dir": "faces", "cache_dir": "/elsewhere/my cache"},
            "tracking": {"directory": None, "uri": None},
        }
    )
    command = resume_command(cfg, tmp_path / "run", Path("run"))
    assert command == (
        "imbclf-train resume=run loss._target_=mine.Loss 'data.cache_dir=/elsewhere/my cache'"
    )


@pytest.mark.slow
def test_a_training_that_max_time_ends_says_how_far_it_came(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    long = [one for one in arguments if one != "trainer.max_epochs=1"]
    limit = "trainer.max_time={seconds: 2}"
    assert call("train", *long, "trainer.max_epochs=2000", limit, "hydra.run.dir=r") == 0
    epochs = len(Path("r/fold_0/metrics.csv").read_text().splitlines()) - 1
    out = capsys.readouterr().out
    assert f"fold 0: trainer.max_time ended it in epoch {epochs} of 2000" in out


@pytest.mark.slow
def test_changing_the_directory_leaves_paths_where_they_were(
    arguments: list[str], tmp_path: Path
) -> None:
    (tmp_path / "faces").rename(tmp_path / "relative")
    own = [one for one in arguments if not one.startswith("data.dir=")]
    given = [*own, "data.dir=relative", "hydra.job.chdir=true", "hydra.run.dir=r"]
    done = run("train", *given, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "imbclf-predict r IMAGES" in done.stdout
    assert (tmp_path / "outputs" / "cache").is_dir()
    assert not (tmp_path / "r" / "outputs").exists()
    assert run("tune", "hydra.job.chdir=true", cwd=tmp_path).returncode == 2
