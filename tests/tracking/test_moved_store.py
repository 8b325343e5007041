"""Stores that were moved, copied, chosen by the environment; deleted experiments; tags."""

import logging
import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from imbclf.errors import UserError
from imbclf.tracking.base import Scalar
from imbclf.tracking.mlflow_models import download_predictor
from imbclf.tracking.mlflow_store import embedded_uri, global_tracking_uri
from imbclf.tracking.mlflow_tracker import MLflowTracker
from imbclf.tracking.store_address import VARIABLE


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A project with one tracked run, whose model is registered; and the run's id."""
    project = tmp_path_factory.mktemp("origin")
    return project, tracked(project, "first")


def tracked(project: Path, text: str) -> str:
    """Track a run with one file and one model, registered as `faces`; return its id."""
    store, predictor = project / "store #1 é", project / "predictor"
    predictor.mkdir(exist_ok=True)
    (predictor / "predictor.json").write_text(text)
    tracker = MLflowTracker(None, "imbclf", store)
    run_id = tracker.start("run", {})
    tracker.log_result({}, [predictor / "predictor.json"])
    client = MlflowClient(embedded_uri(store))
    experiment = client.get_run(run_id).info.experiment_id
    model = client.create_logged_model(experiment, "model", run_id)
    (predictor / "artifacts" / "predictor").mkdir(parents=True, exist_ok=True)
    shutil.copy(predictor / "predictor.json", predictor / "artifacts" / "predictor")
    client.log_model_artifacts(model.model_id, str(predictor))
    client.finalize_logged_model(model.model_id, "READY")
    if not client.search_registered_models():
        client.create_registered_model("faces")
    with global_tracking_uri(embedded_uri(store)):
        version = client.create_model_version(
            "faces", f"models:/{model.model_id}", run_id, model_id=model.model_id
        )
    client.set_registered_model_alias("faces", text, version.version)
    tracker.end("FINISHED")
    assert not tracker.lost
    return run_id


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "mlflow." not in path.name
    }


@pytest.mark.parametrize("how", ["move", "copy"])
def test_a_moved_or_copied_project_reads_and_writes_its_own_files(
    origin: tuple[Path, str], tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    first = tmp_path / "first"
    shutil.copytree(origin[0], first)
    second = tmp_path / "second (copy)"
    store = "store #1 é"
    # The copy of the fixture is itself a copied project.
    caplog.set_level(logging.INFO, "imbclf")
    logging.getLogger("imbclf").propagate = True
    found = download_predictor("models:/faces@first", None, first / store)
    assert (found / "predictor.json").read_text() == "first"
    assert str(first / store / "artifacts") in caplog.text
    if how == "move":
        first.rename(second)
    else:
        shutil.copytree(first, second)
    before = files(first)

    new = tracked(second, "second")
    assert files(first) == before  # gone, or as it was
    assert first.exists() == (how == "copy")
    client = MlflowClient(embedded_uri(second / store))
    for run_id, text in ((origin[1], "first"), (new, "second")):
        uri = client.get_run(run_id).info.artifact_uri
        assert uri == f"{(second / store / 'artifacts').as_uri()}/{run_id}/artifacts"
        own = client.download_artifacts(run_id, "predictor.json", str(tmp_path))
        assert Path(own).read_text() == text
        version = client.get_model_version_by_alias("faces", text)
        found = download_predictor(f"models:/faces@{text}", None, second / store)
        assert (found / "predictor.json").read_text() == text, version
    caplog.clear()
    MLflowTracker(None, "imbclf", second / store).start("again", {})
    assert "moved" not in caplog.text


def test_files_that_somebody_keeps_elsewhere_stay_there(
    origin: tuple[Path, str], tmp_path: Path
) -> None:
    shutil.copytree(origin[0], tmp_path / "p")
    store, elsewhere = tmp_path / "p" / "store #1 é", tmp_path / "elsewhere" / "artifacts"
    elsewhere.mkdir(parents=True)
    client = MlflowClient(embedded_uri(store))
    client.create_experiment("shared", elsewhere.as_uri())
    MLflowTracker(None, "imbclf", store).start("run", {})
    found = client.get_experiment_by_name("shared")
    assert found is not None
    assert found.artifact_location == elsewhere.as_uri()


def test_the_variable_of_mlflow_chooses_the_store_and_the_option_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shared, own = (f"sqlite:///{tmp_path / name}" for name in ("shared.db", "own.db"))
    monkeypatch.setenv(VARIABLE, shared)
    caplog.set_level(logging.INFO, "imbclf")
    logging.getLogger("imbclf").propagate = True
    tracker = MLflowTracker(None, "imbclf", tmp_path / "embedded")
    run_id = tracker.start("run", {})
    tracker.child().start("nested", {})
    tracker.end("FINISHED")
    assert MlflowClient(shared).get_run(run_id).info.run_name == "run"
    assert not (tmp_path / "embedded" / "mlflow.db").exists()
    assert caplog.text.count(f"{shared} (MLFLOW_TRACKING_URI") == 1
    with pytest.raises(UserError, match=r"shared\.db"):
        download_predictor("runs:/0123", None, tmp_path / "embedded")
    MLflowTracker(own, "imbclf", tmp_path / "embedded").start("run", {})
    assert (tmp_path / "own.db").exists()
    monkeypatch.setenv(VARIABLE, " ")
    with pytest.raises(UserError, match="no tracking store"):
        download_predictor("runs:/0123", None, tmp_path / "embedded")


def test_a_deleted_experiment_is_named_with_the_way_on(
    origin: tuple[Path, str], tmp_path: Path
) -> None:
    shutil.copytree(origin[0], tmp_path / "p")
    store = tmp_path / "p" / "store #1 é"
    client = MlflowClient(embedded_uri(store))
    found = client.get_experiment_by_name("imbclf")
    assert found is not None
    client.delete_experiment(found.experiment_id)
    with pytest.raises(UserError, match=r"tracking\.experiment=imbclf: .*deleted.*restore"):
        MLflowTracker(None, "imbclf", store).start("run", {})
    client.restore_experiment(found.experiment_id)
    assert MLflowTracker(None, "imbclf", store).start("run", {})


def test_run_name_and_tags_are_recorded(origin: tuple[Path, str]) -> None:
    store = origin[0] / "store #1 é"
    tags: dict[str, Scalar] = {"team": "vision", "ticket": 7}
    tracker = MLflowTracker(None, "tagged", store, "my run", tags)
    run_id = tracker.start("2026-01-01", {})
    tracker.start_fold(0)
    tracker.end("FINISHED")
    client = MlflowClient(embedded_uri(store))
    run = client.get_run(run_id)
    for one in client.search_runs([run.info.experiment_id]):
        assert {"team": "vision", "ticket": "7"}.items() <= one.data.tags.items()
        assert one.info.run_name in ("my run", "my run/fold_0")
    with pytest.raises(UserError, match=r"tracking\.tags\.NAME=VALUE"):
        MLflowTracker(None, "tagged", store, tags=["a"])  # type: ignore[arg-type]
