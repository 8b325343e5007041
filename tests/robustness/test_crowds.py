"""Four trainings started at the same instant on a new machine: nothing is lost or made twice."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from helpers.commands import small
from imbclf.tracking.mlflow_store import embedded_uri

CROWD, FOLDS, EPOCHS = 4, 2, 2
FEW = (f"cv.folds={FOLDS}", f"trainer.max_epochs={EPOCHS}")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of MLflow's own code
def test_four_trainings_at_once_on_a_new_machine(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_folder()
    # A shell that waits for a line: all start when it is given.
    command = ["sh", "-c", 'read line; exec "$@"', "sh"]
    train = Path(sys.executable).with_name("imbclf-train")
    waiting = [
        subprocess.Popen(
            [*command, train, *small(folder, *FEW, f"seed={number}", f"hydra.run.dir={number}")],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(CROWD)
    ]
    for process in waiting:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in waiting:
        out, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        assert "tracking stopped" not in out + errors
        assert not errors

    caches = list((tmp_path / "outputs" / "cache").glob("[!.]*"))
    assert len(caches) == 1
    assert sorted(path.name for path in caches[0].iterdir()) == [
        "files.npy",
        "index.json",
        "pixels.bin",
    ]
    client = MlflowClient(embedded_uri(tmp_path / "outputs" / "mlflow"))
    (experiment,) = (one for one in client.search_experiments() if one.name != "Default")
    found_runs = client.search_runs([experiment.experiment_id])
    assert {run.info.status for run in found_runs} == {"FINISHED"}
    assert len(found_runs) == CROWD * (1 + FOLDS)
    # By the names of their directories, since their commands differ in nothing else.
    parents = {
        run.data.tags["imbclf.run"]: run for run in found_runs if "imbclf.run" in run.data.tags
    }
    children = {
        (run.data.tags["mlflow.parentRunId"], run.data.tags["imbclf.fold"]): run
        for run in found_runs
        if "imbclf.fold" in run.data.tags
    }
    assert set(parents) == {*map(str, range(CROWD))}
    for number in range(CROWD):
        for fold in range(FOLDS):
            child = children[parents[str(number)].info.run_id, str(fold)]
            table = pd.read_csv(tmp_path / str(number) / f"fold_{fold}" / "metrics.csv")
            assert len(table) == EPOCHS
            for key in table.columns.drop("epoch"):
                points = client.get_metric_history(child.info.run_id, str(key))
                found = {point.step: point.value for point in points}
                assert found == pytest.approx(table.set_index("epoch")[key].dropna().to_dict()), key
