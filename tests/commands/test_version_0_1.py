"""Files of version 0.1 under the current commands.

`fixtures/version_0_1` was written by the wheel of version 0.1 on the images that `make_folder`
draws: a finished run, a sweep over folds, an interrupted run, a study, a logged MLflow model.
Duplicate files and HTML pages were left out.
"""

import base64
import json
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import mlflow
import numpy as np
import pandas as pd
import pytest

from helpers.commands import call, small
from helpers.noise_images import draw

pytestmark = pytest.mark.slow
STORED = Path(__file__).parents[1] / "fixtures" / "version_0_1"
PLAIN_SGD = ("optim=sgd", "optim.optimizer.momentum=0", "optim.lr=1e-2")
SAME = ("data.image_size=null", "cv.folds=2", "trainer.max_epochs=1", "trainer.precision=32-true")


@pytest.fixture
def outputs(
    tmp_path: Path, make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A working directory of version 0.1: `faces` and `outputs`."""
    make_folder()
    directory = tmp_path / "outputs"
    shutil.copytree(STORED, directory)
    for fold in (0, 1):
        job, model = directory / "sweep" / str(fold), f"fold_{fold}.safetensors"
        shutil.copy(directory / f"finished/fold_{fold}/best.ckpt", job / f"fold_{fold}")
        shutil.copy(directory / "finished/predictor" / model, job / "predictor")
    monkeypatch.chdir(tmp_path)
    return directory


def test_the_fixture_holds_former_names() -> None:
    text = (STORED / "finished" / "config.yaml").read_text()
    assert "imbclf.dataset.LabelledFolder" in text
    assert "imbclf.recipe.CrossValidation" in text


def test_an_interrupted_run_is_resumed(outputs: Path) -> None:
    assert call("train", "resume=outputs/interrupted") == 0
    summary = json.loads((outputs / "interrupted" / "summary.json").read_text())
    assert summary["images"] == 120
    assert "imbclf.dataset" not in (outputs / "interrupted" / "config.yaml").read_text()
    epochs = pd.read_csv(outputs / "interrupted" / "fold_0" / "metrics.csv")
    before = pd.read_csv(STORED / "interrupted" / "fold_0" / "metrics.csv")
    assert len(epochs) == 12
    columns = ["epoch", "train/loss", "dev/loss", "dev/hter"]
    assert epochs["epoch"].tolist() == [*range(1, 13)]
    before["epoch"] += 1  # version 0.1 counted epochs from 0
    kept = epochs.iloc[: len(before)]
    pd.testing.assert_frame_equal(kept[columns], before[columns], check_exact=True)


def test_a_finished_run_predicts_the_same_scores(outputs: Path) -> None:
    data = ["data.dir=faces/train_img", "out=outputs/p", "precision=32-true"]
    assert call("predict", "ckpt=outputs/finished", *data) == 0
    scores = pd.read_csv(outputs / "p" / "predictions.csv")["score"]
    before = pd.read_csv(STORED / "finished" / "predictions.csv")["score"]
    np.testing.assert_allclose(scores, before, atol=2e-5)


def test_a_finished_run_is_evaluated_reported_compared_and_exported(outputs: Path) -> None:
    assert call("evaluate", "ckpt=outputs/finished", "data.dir=faces", "out=outputs/e") == 2
    shutil.copytree("faces", "others")
    for image in Path("others/train_img").iterdir():
        shutil.copy(next(Path("faces/val_img").iterdir()), image)
    assert call("evaluate", "ckpt=outputs/finished", "data.dir=others", "out=outputs/e") == 0
    assert call("report", "run=outputs/finished") == 0
    assert "HTER" in (outputs / "finished" / "report.html").read_text()
    assert call("compare", "runs=[outputs/finished,outputs/finished]", "out=outputs/c") in (0, 2)
    assert call("export", "ckpt=outputs/finished", "out=outputs/x", "format=pt2", "images=8") == 0


def test_the_folds_of_a_sweep_are_gathered_to_the_same_run(outputs: Path) -> None:
    assert call("gather", "outputs/sweep") == 0
    gathered, whole = outputs / "sweep" / "gathered" / "oof.csv", outputs / "finished" / "oof.csv"
    assert gathered.read_text() == whole.read_text()


def test_a_sweep_is_resumed(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [*small(Path("faces"), *SAME), "tracking=none", *PLAIN_SGD]
    before = (outputs / "sweep" / "0" / "oof.csv").read_text()
    assert call("train", "-m", *options, "cv.fold=0,1", "resume=outputs/sweep") == 0
    assert capsys.readouterr().out.count("finished before") == 2
    assert (outputs / "sweep" / "0" / "oof.csv").read_text() == before


def test_folds_start_from_those_of_a_run(outputs: Path) -> None:
    options = small(Path("faces"), *SAME, "cv.start_from=outputs/finished", "tracking=none")
    assert call("train", *options, "hydra.run.dir=outputs/next") == 0
    assert (outputs / "next" / "summary.json").exists()


def test_a_study_is_joined(outputs: Path) -> None:
    options = small(Path("faces"), *SAME, *PLAIN_SGD)
    study = ["search=quick", "tune.name=study", "tune.directory=outputs", "tune.trials=2"]
    assert call("tune", *options, *study, "tracking=none") == 0
    assert len(pd.read_csv(outputs / "study" / "trials.csv")) == 2


@pytest.mark.filterwarnings("ignore")  # of MLflow
def test_a_logged_model_is_loaded_by_mlflow(outputs: Path) -> None:
    model = outputs / "mlflow_model"
    (model / "artifacts").mkdir()
    shutil.copytree(outputs / "finished" / "predictor", model / "artifacts" / "predictor")
    images = draw(np.array([0, 1, 1]), size=32, seed=1)
    predicted = mlflow.pyfunc.load_model(str(model)).predict(images)
    assert list(predicted.columns) == ["score", "probability", "label"]
    assert len(predicted) == 3


@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_a_registered_model_answers_requests(
    outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_model = Mock()
    monkeypatch.setattr(mlflow.models, "set_model", set_model)
    runpy.run_path(str(outputs / "mlflow_model" / "mlflow_served_model.py"))
    (model,) = set_model.call_args.args
    predictor = str(outputs / "finished" / "predictor")
    model.load_context(SimpleNamespace(artifacts={"predictor": predictor}))
    image = base64.b64encode(Path("faces/val_img/000001.png").read_bytes()).decode()
    answer = model.predict(None, pd.DataFrame({"image": [image]}))
    assert list(answer.columns) == ["score", "probability", "label", "warning"]
    assert len(answer) == 1
