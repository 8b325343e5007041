"""The Python API: its errors, what it leaves alone, and a whole experiment."""

import logging
import os
import random
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score

import imbclf
from helpers.commands import run, small
from imbclf.evaluation.operating_scores import operating_point_of
from imbclf.prediction.operating_point import OperatingPoint
from imbclf.prediction.referral import Referral

OPTIONS: dict[str, object] = {
    "model": "shufflenet_v2_x1_0",
    "model.name": "shufflenet_v2_x0_5",
    "model.weights": None,
    "data.batch_size": 32,
    "trainer.max_epochs": 2,
    "optim.lr": 1e-3,
    "cv.folds": 3,
    "tracking": "none",
}


train: Callable[..., imbclf.Run] = imbclf.train  # keyword options are of any type


def test_importing_it_imports_nothing_heavy() -> None:
    code = "import sys, imbclf; print({'torch', 'hydra', 'pandas', 'numpy'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_it_offers_what_the_documentation_names() -> None:
    for name in ("train", "load", "load_run", "explore", "compare", "evaluate", "UserError"):
        assert name in dir(imbclf)
        assert callable(getattr(imbclf, name))
    assert imbclf.losses.FocalLoss is not None
    assert imbclf.__version__.count(".") == 2
    with pytest.raises(AttributeError):
        imbclf.no_such_thing  # type: ignore[attr-defined] # noqa: B018


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "focal,bce"}, "loss=focal,bce: several values are a sweep"),
        ({"loss": None}, "loss=None: expected the name of a choice"),
        ({"": 1}, "'': expected the name of an option"),
        ({"a b": 1}, "'a b': expected the name of an option"),
        ({"modle": "resnet18"}, "unknown option modle; did you mean model"),
        ({"model": "resnet81"}, "model=resnet81: no such choice"),
        ({"optim": {"lrr": 1}}, "unknown option optim.lrr; did you mean optim.lr"),
        ({"cv.folds": "many"}, "cv.folds=many: expected a whole number"),
        ({"cv": 5}, "cv=5: expected options below it"),
        ({"config": "nowhere.yaml"}, "nowhere"),
        ({"data": "no/such/folder", "model.weights": None}, "no/such/folder"),
    ],
)
def test_mistakes_are_the_messages_of_the_commands(
    options: dict[str, object], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(imbclf.UserError, match=message):
        train(**options, tracking="none")


def state() -> tuple[object, ...]:
    logger = logging.getLogger("imbclf")
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    log = (logger.level, logger.propagate, logger.handlers[:], logging.getLogger().handlers[:])
    seeds = (random.getstate(), str(np.random.get_state()))  # noqa: NPY002
    rest = (torch.get_rng_state().tolist(), warnings.filters[:])
    return dict(os.environ), sys.argv[:], sys.path[:], handlers, log, seeds, rest


def test_a_call_that_fails_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    before = state()
    with pytest.raises(imbclf.UserError):
        imbclf.train(tmp_path / "nothing", out=tmp_path / "run", tracking="none")
    assert state() == before


@pytest.mark.slow
def test_an_experiment_from_training_to_labels(
    make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder()
    monkeypatch.chdir(tmp_path)
    before = state()
    trained = train(folder, out="run", **OPTIONS)
    assert state() == before
    assert run("train", *small(folder, "hydra.run.dir=command", "tracking=none"), cwd=tmp_path)
    assert Path("run/oof.csv").read_bytes() == Path("command/oof.csv").read_bytes()

    oof = trained.oof
    assert 1 - balanced_accuracy_score(oof["label"], oof["decision"]) == pytest.approx(trained.hter)
    assert trained.interval[0] <= trained.hter <= trained.interval[1]
    assert set(trained.splits["fold_0"]) == {"fit", "dev", "test"}
    assert trained.report().read_text().startswith("<!")
    assert f"{trained.hter:.4f}" in trained._repr_html_()
    assert f"{trained.hter:.4f}" in repr(trained)

    again = train(folder, out="run", **OPTIONS)  # finished: nothing is trained again
    assert again.summary == trained.summary
    other = imbclf.load_run("command")
    ranks = imbclf.compare([trained, other], out="comparison")
    assert ranks["difference"].tolist() == [0, 0]
    assert Path("comparison/comparison.html").exists()
    with pytest.raises(imbclf.UserError, match="trained on these images"):
        imbclf.evaluate(trained, folder)

    sure = imbclf.DecisionOptions(min_sensitivity=0.5)
    table = imbclf.load("run").predict(folder / "val_img", options=sure, progress=False)
    point = operating_point_of(sure, Path("run"))
    assert isinstance(point, OperatingPoint)
    assert table.attrs["aim"] == str(point)
    assert (table["label"].astype(int) == (table["score"] >= point.threshold)).all()
    asked = imbclf.DecisionOptions(refer=0.2)
    referred = trained.predictor().predict(folder / "val_img", options=asked, progress=False)
    band = operating_point_of(asked, Path("run"))
    assert isinstance(band, Referral)
    between = (referred["score"] >= band.low) & (referred["score"] < band.high)
    assert ((referred["label"] == "refer") == between).all()
    with pytest.raises(imbclf.UserError, match="no held-out images"):
        imbclf.evaluate("run")


def test_exploring_a_folder(
    make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = imbclf.explore(make_folder(), out="out")
    assert found.facts["images"] == 120
    assert found.page == Path("out/explore.html")
    assert isinstance(found.duplicates, pd.DataFrame)
    assert "120 images" in repr(found)
    folder = tmp_path / "faces"
    assert imbclf.explore({"dir": folder, "image_size": 16}).facts["images"] == 120
    with pytest.raises(imbclf.UserError, match=r"unknown option data\.lable; did you mean label"):
        imbclf.explore({"dir": folder, "lable": "x"})
