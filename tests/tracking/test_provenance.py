"""What MLflow knows of a run: name, images, command, commit, and what its model reached."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from mlflow import MlflowClient
from mlflow.entities import Run

from helpers.commands import call, small
from imbclf.cli.config.conf_dir import conf_dir
from imbclf.cli.config.current_names import use_current_names
from imbclf.cli.config.tracking import name_of, run_params, tracking_options
from imbclf.tracking import MLflowTracker, NoTracker
from imbclf.tracking.mlflow_store import embedded_uri
from imbclf.tracking.provenance import describe_data, log_data, source_tags

FILES = np.array(["a.png", "b.png", "c.png"])
LABELS = np.array([0, 1, 1])
NAMES = ("bad", "good")
COMMAND = "imbclf-train loss=focal 'data.dir=my images'"
RESULT = {"test/hter": 0.25, "test/hter_low": 0.2, "test/hter_high": 0.3}


def stored_run(store: Path, run_id: str) -> Run:
    return MlflowClient(embedded_uri(store)).get_run(run_id)


def test_the_digest_is_of_names_and_labels_in_any_order(tmp_path: Path) -> None:
    data = describe_data(tmp_path / "cells", FILES, LABELS, NAMES)
    back = [2, 1, 0]
    assert describe_data(tmp_path / "cells", FILES[back], LABELS[back], NAMES) == data
    assert data.name == "cells"
    assert json.loads(data.profile) == {"images": 3, "by label": {"bad": 1, "good": 2}}
    for files, labels in ((FILES, 1 - LABELS), (np.array(["a.png", "b.png", "d.png"]), LABELS)):
        assert describe_data(tmp_path, files, labels, NAMES).digest != data.digest
    assert len(data.digest) <= 36  # of MLflow


def test_a_run_is_described_and_its_images_are_its_data_set(tmp_path: Path) -> None:
    store = tmp_path / "store"
    tracker = MLflowTracker(None, None, store, command=COMMAND)
    run_id = tracker.start("run", {"loss.gamma": 2.0})
    log_data(tracker, describe_data(tmp_path, FILES, LABELS, NAMES))
    assert stored_run(store, run_id).data.tags["mlflow.note.content"] == f"    {COMMAND}"
    tracker.log_result(RESULT, [])
    tracker.end("FINISHED")
    assert not tracker.lost

    run = stored_run(store, run_id)
    note = "HTER 25.0% (95 % interval 20.0% to 30.0%)\n\n    " + COMMAND
    assert run.data.tags["mlflow.note.content"] == note
    assert run.data.tags["mlflow.source.name"] == "imbclf-train"
    assert run.inputs is not None
    (logged,) = run.inputs.dataset_inputs
    assert logged.dataset.name == tmp_path.name
    assert json.loads(logged.dataset.source) == {"uri": tmp_path.as_uri()}

    # Resumed by a command that is another: the description is that of the first.
    again = MLflowTracker(None, "elsewhere", store, run_name="other")
    assert again.start("run", {}, run_id) == run_id
    again.start_fold(1)
    again.end_fold({})
    again.log_result(RESULT, [])
    again.end("FINISHED")
    run = stored_run(store, run_id)
    assert run.data.tags["mlflow.note.content"] == note
    client = MlflowClient(embedded_uri(store))
    folds = client.search_runs([run.info.experiment_id], "tags.`imbclf.fold` = '1'")
    assert [fold.info.run_name for fold in folds] == ["run/fold_1"]


def test_trackers_of_version_0_1_record_no_images(tmp_path: Path) -> None:
    log_data(NoTracker(), describe_data(tmp_path, FILES, LABELS, NAMES))


def test_the_commit_is_that_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "mlflow.source.git.commit" not in source_tags(None)
    names = {
        f"GIT_{role}_{part}": "x@y"
        for role in ("AUTHOR", "COMMITTER")
        for part in ("NAME", "EMAIL")
    }
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *words], check=True)
    head = subprocess.run(["git", "log", "-1", "--format=%H"], capture_output=True, check=True)
    assert source_tags(None)["mlflow.source.git.commit"] == head.stdout.decode().strip()
    monkeypatch.setenv("PATH", "")
    assert "mlflow.source.git.commit" not in source_tags(None)


def test_parameters_name_parts_and_experiments_are_named_after_the_images() -> None:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        cfg = compose("train", ["loss=focal", "data=folder", "++data.dir=some/faces"])
        own = compose("train", ["++loss._target_=mine.Loss", "++tracking.experiment=other"])
    params = run_params(cfg)
    assert not [key for key in params if "_target_" in key or "_partial_" in key]
    assert (params["loss"], params["loss.gamma"], params["optim.optimizer"]) == (
        "FocalLoss",
        2.0,
        "Adam",
    )
    assert "model" not in params
    assert run_params(own)["loss"] == "mine.Loss"
    options = tracking_options(cfg, "loss=focal")
    assert (options["experiment"], options["run_name"]) == ("faces", "loss=focal")
    assert tracking_options(own, None)["experiment"] == "other"
    cfg.tracking.run_name = "mine"
    assert tracking_options(cfg, "loss=focal")["run_name"] == "mine"
    cfg.tracking.experiment = "imbclf"  # the default of version 0.1
    use_current_names(cfg)
    assert cfg.tracking.experiment is None


def test_a_name_says_what_a_run_is_not_where() -> None:
    assert (
        name_of(["data=folder", "data.dir=x", "hydra.run.dir=y", "seed=1", "loss=bce"])
        == "seed=1 loss=bce"
    )
    assert name_of(["model.name=" + "x" * 999]) == ("model.name=" + "x" * 999)[:200]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of MLflow
def test_jobs_are_named_by_what_differs_and_models_have_their_metrics(
    make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = ["trainer.max_epochs=1", "cv.folds=2", "hydra.sweep.dir=s", "-m", "loss=bce,focal"]
    assert call("train", *small(make_folder(), *one)) == 0
    client = MlflowClient(embedded_uri(Path("outputs/mlflow")))
    experiment = client.get_experiment_by_name("faces")
    assert experiment is not None
    found = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert {"loss=bce", "loss=focal", "loss=bce/fold_0"} <= set(found)
    models = client.search_logged_models([experiment.experiment_id])
    assert len(models) == 2
    for model in models:
        assert model.source_run_id is not None
        assert model.metrics is not None
        run = client.get_run(model.source_run_id)
        assert run.inputs is not None
        reached = {metric.key: metric.value for metric in model.metrics}
        assert reached == run.data.metrics
        assert "test/interval_level" not in reached
        assert len(client.get_metric_history(run.info.run_id, "test/hter")) == 1
        (data,) = run.inputs.dataset_inputs
        assert {metric.dataset_digest for metric in model.metrics} == {data.dataset.digest}
    child = found["loss=bce/fold_0"].info.run_id
    assert [point.step for point in client.get_metric_history(child, "dev/hter")] == [1]
    assert call("compare", "experiments:/faces", "out=compared") == 0
