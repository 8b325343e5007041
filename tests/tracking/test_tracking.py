import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.version import VERSION

from imbclf.errors import UserError
from imbclf.tracking.base import NoTracker, Scalar, Status, Tracker
from imbclf.tracking.mlflow_models import download_predictor
from imbclf.tracking.mlflow_store import embedded_uri, global_tracking_uri, process_start
from imbclf.tracking.mlflow_tracker import MLflowTracker

PARAMS: dict[str, Scalar] = {
    "loss.gamma": 2.0,
    "model": "resnet18",
    "deterministic": True,
    "groups": None,
}

# A predictor of one number: the score of an image is its mean minus that number.
STUB_PREDICTOR = """
import json
import numpy as np
from imbclf.prediction.answer_table import answer_columns

class Predictions:
    def __init__(self, scores):
        self.scores = scores.astype(np.float64)
        self.probabilities = 1 / (1 + np.exp(-self.scores))
        self.labels = np.where(scores >= 0, "live", "spoof")

class Predictor:
    def __init__(self, threshold):
        self.threshold = threshold

    @classmethod
    def load(cls, path):
        return cls(json.loads((path / "predictor.json").read_text())["threshold"])

    def columns(self, answer):
        return answer_columns(
            answer.labels, answer.probabilities, answer.scores, ("spoof", "live")
        )

    def predict_pixels(self, images, decide):
        assert decide == "hter"
        assert images.dtype == np.uint8
        return Predictions(images.mean(axis=(1, 2, 3)) - self.threshold)
"""
USE_STUB = f"""
import sys, types
stub = types.ModuleType("imbclf.prediction.predictor")
exec({STUB_PREDICTOR!r}, stub.__dict__)
sys.modules["imbclf.prediction.predictor"] = stub
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One embedded store for the file: making the tables of a new one takes seconds."""
    return tmp_path_factory.mktemp("a blank, an é and a #") / "outputs"


@pytest.fixture
def experiment(request: pytest.FixtureRequest) -> str:
    return str(request.node.name)


@pytest.fixture
def tracker(store: Path, experiment: str) -> MLflowTracker:
    return MLflowTracker(None, experiment, store)


@pytest.fixture
def predictor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    stub = ModuleType("imbclf.prediction.predictor")
    exec(STUB_PREDICTOR, stub.__dict__)
    monkeypatch.setitem(sys.modules, "imbclf.prediction.predictor", stub)
    folder = tmp_path / "predictor"
    folder.mkdir()
    rule = {"threshold": 0, "slope": 1, "intercept": 0, "temperature": 1, "prior": 0.5}
    entry = {"weights": "fold_0.safetensors", "architecture": {}, **rule}
    manifest = {"format": 2, "image_size": [8, 6], "label_names": ["spoof", "live"], "tta": "none"}
    (folder / "predictor.json").write_text(
        json.dumps({"threshold": 100, **manifest, "members": [entry]})
    )
    return folder


def client(store: Path) -> MlflowClient:
    return MlflowClient(embedded_uri(store))


def runs(store: Path, experiment: str) -> dict[str, Run]:
    """All runs of an experiment by name."""
    reader = client(store)
    found = reader.get_experiment_by_name(experiment)
    assert found is not None
    return {run.info.run_name: run for run in reader.search_runs([found.experiment_id])}


def history(store: Path, run: Run, key: str) -> list[tuple[int, float]]:
    points = client(store).get_metric_history(run.info.run_id, key)
    return sorted((point.step, point.value) for point in points)


def python(
    code: str, *arguments: object, env: dict[str, str] | None = None
) -> CompletedProcess[str]:
    """Run code in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_experiment_is_a_parent_run_with_a_child_per_fold(
    tracker: MLflowTracker, store: Path, experiment: str, tmp_path: Path
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("seed: 1\n")
    run_id = tracker.start("baseline", PARAMS)
    for fold in range(2):
        tracker.start_fold(fold)
        for epoch in range(3):
            tracker.log_epoch(epoch, {"train/loss": 1 / (epoch + 1), "dev/hter": 0.1 * fold})
        tracker.end_fold({"test/hter": 0.2 + fold})
    tracker.log_result({"hter": 0.15}, [config])
    tracker.end("FINISHED")

    found = runs(store, experiment)
    assert set(found) == {"baseline", "baseline/fold_0", "baseline/fold_1"}
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    parent, child = found["baseline"], found["baseline/fold_1"]
    expected = {"loss.gamma": "2.0", "model": "resnet18", "deterministic": "True", "groups": "None"}
    assert parent.info.run_id == run_id
    assert parent.data.params == expected
    assert parent.data.metrics == {"hter": 0.15}
    assert [file.path for file in client(store).list_artifacts(run_id)] == ["config.yaml"]
    assert child.data.params == {**expected, "fold": "1"}
    assert child.data.tags["mlflow.parentRunId"] == run_id
    assert history(store, child, "train/loss") == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert history(store, child, "dev/hter") == [(0, 0.1), (1, 0.1), (2, 0.1)]
    assert child.data.metrics["test/hter"] == 1.2


def test_embedded_store_lies_in_its_directory(tracker: MLflowTracker, store: Path) -> None:
    tracker.start("run", {})
    tracker.end("FINISHED")
    location = client(store).get_run(tracker.start("run", {})).info.artifact_uri
    tracker.end("FINISHED")
    assert (store / "mlflow.db").is_file()
    assert str(location).startswith((store / "artifacts").as_uri())
    with closing(sqlite3.connect(store / "mlflow.db")) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_non_finite_metrics_are_left_out(
    tracker: MLflowTracker, store: Path, experiment: str
) -> None:
    tracker.start("run", {})
    tracker.start_fold(0)
    tracker.log_epoch(0, {"nan": float("nan"), "inf": float("inf"), "loss": 0.5})
    tracker.log_epoch(1, {"nan": float("nan")})
    tracker.end("FAILED")
    assert runs(store, experiment)["run/fold_0"].data.metrics == {"loss": 0.5}
    assert not tracker.lost


def test_more_params_than_one_batch_holds(
    tracker: MLflowTracker, store: Path, experiment: str
) -> None:
    params = {f"group.key_{number}": number for number in range(230)}
    tracker.start("run", params)
    tracker.end("FINISHED")
    stored = runs(store, experiment)["run"].data.params
    assert stored == {key: str(value) for key, value in params.items()}


@pytest.mark.parametrize("status", ["FAILED", "KILLED"])
def test_end_also_ends_an_open_fold(
    status: Status, store: Path, tracker: MLflowTracker, experiment: str
) -> None:
    tracker.start("run", {})
    tracker.start_fold(0)
    tracker.end_fold({})
    tracker.start_fold(1)
    tracker.end(status)
    statuses = {name: run.info.status for name, run in runs(store, experiment).items()}
    assert statuses == {"run": status, "run/fold_0": "FINISHED", "run/fold_1": status}


def test_resuming_goes_on_with_the_same_runs(store: Path, experiment: str) -> None:
    first = MLflowTracker(None, experiment, store)
    run_id = first.start("run", {"seed": 1})
    first.start_fold(0)
    first.end_fold({"test/hter": 0.1})
    first.start_fold(1)
    first.log_epoch(0, {"loss": 0.5})
    first.end("KILLED")

    again = MLflowTracker(None, experiment, store)
    assert again.start("run", {"seed": 1, "added": 2}, run_id) == run_id
    assert runs(store, experiment)["run"].info.status == "RUNNING"
    again.end_fold({"test/hter": 0.9})  # fold 0 had ended in the earlier process
    again.start_fold(1)
    again.log_epoch(1, {"loss": 0.25})
    again.end_fold({})
    again.end("FINISHED")

    found = runs(store, experiment)
    assert set(found) == {"run", "run/fold_0", "run/fold_1"}
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert found["run"].data.params == {"seed": "1", "added": "2"}
    assert found["run"].data.metrics == {}
    assert found["run/fold_0"].data.metrics == {"test/hter": 0.1}
    assert history(store, found["run/fold_1"], "loss") == [(0, 0.5), (1, 0.25)]
    assert not again.lost


def test_process_start_tells_a_process_from_another_with_its_pid() -> None:
    own = process_start(os.getpid())
    assert own is not None
    assert own == process_start(os.getpid())
    with subprocess.Popen(["sleep", "60"]) as child:
        born = process_start(child.pid)
        assert born is not None
        assert int(born) > int(own)
        child.kill()
        deadline = time.monotonic() + 30
        while process_start(child.pid) is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert process_start(child.pid) is None  # a zombie: nobody has waited for it
    assert process_start(child.pid) is None


START_AND_WAIT = """
import sys, time
from pathlib import Path
from imbclf.tracking.mlflow_tracker import MLflowTracker
tracker = MLflowTracker(None, sys.argv[2], Path(sys.argv[1]))
tracker.start("killed", {})
tracker.start_fold(0)
tracker.log_epoch(0, {"loss": 0.5})
print("ready", flush=True)
time.sleep(600)
"""


def test_runs_of_a_killed_process_are_closed_at_the_next_start(
    store: Path, tracker: MLflowTracker, experiment: str
) -> None:
    arguments = [sys.executable, "-c", START_AND_WAIT, str(store), experiment]
    alive = MLflowTracker(None, experiment, store)
    alive.start("alive", {})
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            before = {name: run.info.status for name, run in runs(store, experiment).items()}
        finally:
            process.send_signal(signal.SIGKILL)
    assert before == {"alive": "RUNNING", "killed": "RUNNING", "killed/fold_0": "RUNNING"}
    foreign = client(store).search_runs(
        [runs(store, experiment)["killed"].info.experiment_id], "tags.`imbclf.fold` = '0'"
    )[0]
    tracker.start("next", {})
    found = runs(store, experiment)
    assert {name: run.info.status for name, run in found.items()} == {
        "alive": "RUNNING",
        "next": "RUNNING",
        "killed": "KILLED",
        "killed/fold_0": "KILLED",
    }
    assert history(store, foreign, "loss") == [(0, 0.5)]
    alive.end("FINISHED")
    tracker.end("FINISHED")


def test_runs_of_other_machines_are_left_alone(
    store: Path, tracker: MLflowTracker, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(socket, "gethostname", lambda: "elsewhere")
        elsewhere.setattr(os, "getpid", lambda: 2**22 + 1)  # above any pid
        MLflowTracker(None, experiment, store).start("theirs", {})
    tracker.start("mine", {})
    tracker.end("FINISHED")
    assert runs(store, experiment)["theirs"].info.status == "RUNNING"


WRITE = """
import multiprocessing, sys
from pathlib import Path
import mlflow.store.tracking.sqlalchemy_store  # or each child spends a second on it
from imbclf.tracking.mlflow_tracker import MLflowTracker

def write(name):
    tracker = MLflowTracker(None, "together", Path(sys.argv[1]))
    everybody.wait()
    tracker.start(name, {"writer": name})
    for fold in range(2):
        tracker.start_fold(fold)
        for epoch in range(10):
            tracker.log_epoch(epoch, {"train/loss": epoch, "dev/hter": 0.5})
        tracker.end_fold({"test/hter": 0.1})
    tracker.end("FINISHED")
    sys.exit(tracker.lost)

fork = multiprocessing.get_context("fork")
everybody = fork.Barrier(4)
writers = [fork.Process(target=write, args=(str(number),)) for number in range(4)]
for writer in writers:
    writer.start()
for writer in writers:
    writer.join()
print([writer.exitcode for writer in writers])
"""


@pytest.mark.slow
def test_four_processes_open_a_new_store_together_and_lose_nothing(tmp_path: Path) -> None:
    together = python(WRITE, tmp_path)
    assert together.stdout == "[0, 0, 0, 0]\n"
    assert together.stderr == ""  # MLflow and its migrations say nothing
    found = runs(tmp_path, "together")
    assert len(found) == 12
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    for number in range(4):
        for fold in range(2):
            child = found[f"{number}/fold_{fold}"]
            assert child.data.params == {"writer": str(number), "fold": str(fold)}
            assert history(tmp_path, child, "train/loss") == [(e, float(e)) for e in range(10)]
            assert child.data.metrics["test/hter"] == 0.1


LOAD = """
import json
import sys
import mlflow
import numpy as np
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
images = np.stack([np.full((8, 6, 3), value, np.uint8) for value in (90, 100, 255)])
print(json.dumps(model.predict(images).to_dict("list")))
"""


@pytest.mark.slow
def test_logged_model_predicts_in_a_fresh_process_without_pickle(
    store: Path, tracker: MLflowTracker, predictor: Path
) -> None:
    run_id = tracker.start("run", {"seed": 1})
    tracker.log_model(predictor, np.zeros((2, 8, 6, 3), np.uint8))
    tracker.end("FINISHED")
    assert not tracker.lost
    predictor.rename(predictor.with_name("gone"))  # the model is a copy
    loaded = python(
        USE_STUB + LOAD,
        embedded_uri(store),
        f"runs:/{run_id}/model",
        env=os.environ | {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"},
    )
    rows = json.loads(loaded.stdout)
    assert rows["score"] == [-10, 0, 155]
    assert rows["label"] == ["spoof", "live", "live"]
    assert rows["p_live"][1] == rows["p_spoof"][1] == 0.5
    assert not list((store / "artifacts").rglob("*.pkl"))


def test_predictor_is_downloaded_by_run_and_by_registered_name(
    store: Path, tracker: MLflowTracker, predictor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    run_id = tracker.start("run", {})
    tracker.log_model(predictor, np.zeros((1, 8, 6, 3), np.uint8))
    tracker.end("FINISHED")
    registry = client(store)
    outputs = registry.get_run(run_id).outputs
    assert outputs is not None
    model = outputs.model_outputs[0].model_id
    registry.create_registered_model("faces")
    with global_tracking_uri(embedded_uri(store)):
        registry.create_model_version("faces", f"models:/{model}", run_id, model_id=model)
    registry.set_registered_model_alias("faces", "best", "1")
    for address in (
        f"runs:/{run_id}",
        f"runs:/{run_id}/",
        f"runs:/{run_id}/model",
        "models:/faces/1",
        "models:/faces@best",
    ):
        folder = download_predictor(address, None, store)
        assert json.loads((folder / "predictor.json").read_text())["threshold"] == 100
    by_uri = download_predictor("models:/faces@best", embedded_uri(store), Path("elsewhere"))
    assert (by_uri / "predictor.json").is_file()
    assert "MLFLOW_TRACKING_URI" not in os.environ


@pytest.mark.parametrize(
    "address", ["runs:/0123", "models:/nobody/1", "models:/nobody@best", "models:/", "outputs/run"]
)
def test_no_predictor_at_an_address(address: str, store: Path, tracker: MLflowTracker) -> None:
    tracker.start("run", {})
    tracker.end("FINISHED")
    with pytest.raises(UserError, match=f"No predictor at {address} in the tracking store"):
        download_predictor(address, None, store)


def test_run_without_a_model_has_no_predictor(store: Path, tracker: MLflowTracker) -> None:
    run_id = tracker.start("run", {})
    tracker.end("FINISHED")
    with pytest.raises(UserError, match=f"No predictor at runs:/{run_id}"):
        download_predictor(f"runs:/{run_id}", None, store)


def test_download_makes_no_store_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no tracking store .*mlflow\.db"):
        download_predictor("runs:/0123", None, tmp_path)
    assert not list(tmp_path.iterdir())


FILES = pytest.param(
    "./mlruns", marks=pytest.mark.skipif(VERSION.startswith("3.12."), reason="was a store then")
)


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "nonsense://host", FILES])
def test_unusable_store_is_said_at_the_start(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(UserError, match=rf"tracking\.uri={uri} .*tracking=none"):
        MLflowTracker(uri, "experiment", tmp_path).start("run", {})


def test_damaged_store_is_said_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("this is no database " * 100)
    with pytest.raises(UserError, match=r"mlflow\.db cannot be used: file is not a database"):
        MLflowTracker(None, "experiment", tmp_path).start("run", {})


def test_resuming_an_unknown_run_is_said_at_the_start(tracker: MLflowTracker) -> None:
    with pytest.raises(UserError, match=r"Run with id=0123 not found.*tracking=none"):
        tracker.start("run", {}, "0123")


def test_store_that_breaks_later_costs_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, predictor: Path
) -> None:
    tracker = MLflowTracker(None, "experiment", tmp_path)
    tracker.start("run", {})
    tracker.start_fold(0)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        database.execute("DROP TABLE metrics")
    tracker.log_epoch(0, {"loss": 0.5})
    tracker.log_epoch(1, {"loss": 0.4})
    tracker.end_fold({"test/hter": 0.1})
    tracker.start_fold(1)
    tracker.log_result({"hter": 0.1}, [])
    tracker.log_model(predictor, np.zeros((1, 8, 6, 3), np.uint8))
    tracker.end("FINISHED")
    assert tracker.lost
    warned = [record for record in caplog.records if record.name == "imbclf"]
    assert [record.levelname for record in warned] == ["WARNING"]
    assert "no such table: metrics" in warned[0].getMessage()


def test_runs_are_ended_even_after_an_error(
    store: Path, tracker: MLflowTracker, experiment: str, tmp_path: Path
) -> None:
    tracker.start("run", {})
    tracker.start_fold(0)
    tracker.log_result({}, [tmp_path / "missing.csv"])
    assert tracker.lost
    tracker.end("FINISHED")
    assert {run.info.status for run in runs(store, experiment).values()} == {"FINISHED"}


def test_experiment_made_by_another_machine_meanwhile_is_used(
    store: Path, tracker: MLflowTracker, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = client(store).create_experiment(experiment)
    really = MlflowClient.get_experiment_by_name
    answers: Iterator[Any] = iter([lambda *_: None, really])
    monkeypatch.setattr(
        MlflowClient, "get_experiment_by_name", lambda self, name: next(answers)(self, name)
    )
    run_id = tracker.start("run", {})
    assert client(store).get_run(run_id).info.experiment_id == made
    tracker.end("FINISHED")


def test_no_tracker_does_nothing(tmp_path: Path) -> None:
    tracker: Tracker = NoTracker()
    assert tracker.start("run", PARAMS, "0123") is None
    tracker.start_fold(0)
    tracker.log_epoch(0, {"loss": 0.5})
    tracker.end_fold({})
    tracker.log_result({}, [tmp_path / "missing.csv"])
    tracker.log_model(tmp_path / "missing", np.zeros((1, 8, 6, 3), np.uint8))
    tracker.end("FAILED")


def test_mlflow_is_told_to_send_nothing() -> None:
    code = (
        "import imbclf.tracking.mlflow_tracker, mlflow.telemetry.utils as t\n"
        "print(t.is_telemetry_disabled())"
    )
    bare = {key: os.environ[key] for key in ("PATH", "PYTHONPATH") if key in os.environ}
    assert python(code, env=bare).stdout == "True\n"
