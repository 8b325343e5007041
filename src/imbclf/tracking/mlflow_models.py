"""Fold ensembles as MLflow models: saved without pickle, downloaded by address."""

import atexit
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from imbclf.tracking.mlflow_store import (
    embedded_uri,
    global_tracking_uri,
    summary,
    without_foreign_warnings,
)
from imbclf.tracking.moved_store import follow_move
from imbclf.tracking.store_address import chosen_uri

# isort: split
# After the store, which sets what MLflow reads when it is imported.
import mlflow
import numpy as np
import pandas as pd
from filelock import FileLock
from mlflow.entities import LoggedModelOutput
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.prediction.answer_table import probability_columns
from imbclf.prediction.manifest import Manifest

DECIDE = ParamSpec("decide", "string", "hter")
NOBODY = (0.0, 0.0)  # scores from which and up to which a person is asked
MODEL = "model"  # the logged model is runs:/<run id>/model


@without_foreign_warnings()
def save_model(
    predictor: Path, example: NDArray[np.uint8], description: Model, folder: Path
) -> None:
    """Write the MLflow model `folder`, which takes pixels, around a copy of `predictor`."""
    shape = (-1, *example.shape[1:3], 3)
    inputs = Schema([TensorSpec(np.dtype(np.uint8), shape)])
    model = "pyfunc_arrays.py", predictor, inputs, _outputs(predictor), [DECIDE]
    _save(*model, example, description, folder)


@without_foreign_warnings()
def save_served_model(
    predictor: Path,
    example: pd.DataFrame,
    band: tuple[float, float],
    description: Model,
    folder: Path,
) -> None:
    """Write the MLflow model `folder`, which takes image files, around a copy of `predictor`.

    The label is `refer` from the score `band[0]` on and below `band[1]`, unless a request says
    otherwise.
    """
    inputs = Schema([ColSpec("string", "image")])
    outputs = [*_outputs(predictor), ColSpec("string", "warning")]
    names = zip(("refer_from", "refer_to"), band, strict=True)
    params = [DECIDE, *(ParamSpec(name, "double", score) for name, score in names)]
    model = "pyfunc_image_files.py", predictor, inputs, outputs, params
    _save(*model, example, description, folder)


def _outputs(predictor: Path) -> list[ColSpec]:
    """Return the columns of `answer_columns` for the predictor in a folder."""
    zero, one = probability_columns(Manifest.load(predictor).label_names)
    return [ColSpec("string", "label"), *(ColSpec("double", name) for name in (zero, one, "score"))]


def _save(
    code: str,
    predictor: Path,
    inputs: Schema,
    outputs: Sequence[ColSpec],
    params: Sequence[ParamSpec],
    example: NDArray[np.uint8] | pd.DataFrame,
    description: Model,
    folder: Path,
) -> None:
    mlflow.pyfunc.save_model(
        folder,
        python_model=Path(__file__).with_name(code),
        artifacts={"predictor": predictor.resolve().as_uri()},
        signature=ModelSignature(
            inputs=inputs, outputs=Schema([*outputs]), params=ParamSchema([*params])
        ),
        input_example=example,
        pip_requirements=[f"imbclf=={version('imbclf')}"],
        mlflow_model=description,
    )


def log_model(
    client: mlflow.MlflowClient,
    experiment_id: str,
    run_id: str | None,
    name: str,
    save: Callable[[Model, Path], None],
) -> str:
    """Log a model to a store, as an output of a run if there is one; return its id.

    Args:
        client: of the store.
        experiment_id: the experiment that it belongs to.
        run_id: the run that it comes from.
        name: of the logged model.
        save: takes a description and a folder, and writes the model there.
    """
    logged = client.create_logged_model(experiment_id, name, run_id)
    description = Model(
        artifact_path=logged.artifact_location,
        run_id=run_id,
        model_id=logged.model_id,
        model_uuid=logged.model_id,
    )
    with tempfile.TemporaryDirectory() as folder:
        save(description, Path(folder) / name)
        client.log_model_artifacts(logged.model_id, f"{folder}/{name}")
    client.finalize_logged_model(logged.model_id, "READY")
    if run_id is not None:
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return str(logged.model_id)


@without_foreign_warnings()
def download_predictor(address: str, uri: str | None, directory: Path) -> Path:
    """Download the predictor of a logged or registered model; removed when the process ends.

    Args:
        address: `runs:/<run id>`, `runs:/<run id>/model`, `models:/<name>/<version>` or
            `models:/<name>@<alias>`.
        uri: Tracking URI; None for MLFLOW_TRACKING_URI, else the embedded store in `directory`.
        directory: The directory of the embedded store.

    Raises:
        UserError: There is no such store, or no predictor at that address.
    """
    store = _existing_store(address, chosen_uri(uri), directory)
    model = address.rstrip("/")
    if re.fullmatch("runs:/[^/]+", model):
        model = f"{model}/{MODEL}"
    folder = tempfile.mkdtemp(prefix="imbclf-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        with global_tracking_uri(store):
            path = mlflow.artifacts.download_artifacts(
                f"{model}/artifacts/predictor", dst_path=folder
            )
    except Exception as error:
        raise UserError(
            f"No predictor at {address} in the tracking store {store}: "
            f"{summary(error)}. Expected runs:/<run id>, models:/<name>/<version> or "
            "models:/<name>@<alias> of a model that imbclf has logged there"
        ) from error
    return Path(path)


@without_foreign_warnings()
def download_runs(address: str, uri: str | None, directory: Path) -> dict[Path, str]:
    """Download the results of an experiment's finished runs; removed when the process ends.

    Args:
        address: `experiments:/<name>`.
        uri: Tracking URI; None for MLFLOW_TRACKING_URI, else the embedded store in `directory`.
        directory: The directory of the embedded store.

    Returns:
        The name of each run by a folder with its `summary.json` and `oof.csv`. The folders are
        numbered: the store may be untrusted, and a name in it a path to anywhere.

    Raises:
        UserError: There is no such store or experiment.
    """
    store = _existing_store(address, chosen_uri(uri), directory)
    client = mlflow.MlflowClient(store)
    name = address.removeprefix("experiments:/")
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        known = ", ".join(one.name for one in client.search_experiments())
        raise UserError(f"{address}: no such experiment; expected one of {known}")
    root = Path(tempfile.mkdtemp(prefix="imbclf-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    names = {}
    for number, run in enumerate(
        client.search_runs([experiment.experiment_id], "attributes.status = 'FINISHED'")
    ):
        files = {artifact.path for artifact in client.list_artifacts(run.info.run_id)}
        if not {"summary.json", "oof.csv"} <= files:
            continue  # a fold of a run
        folder = root / str(number)
        folder.mkdir()
        for file in ("summary.json", "oof.csv"):
            client.download_artifacts(run.info.run_id, file, str(folder))
        names[folder] = str(run.info.run_name)
    return names


def _existing_store(address: str, uri: str | None, directory: Path) -> str:
    """Return the tracking URI to look an address up in; an embedded store must exist."""
    if uri is not None:
        return uri
    if not (directory / "mlflow.db").is_file():
        raise UserError(
            f"{address}: there is no tracking store {directory / 'mlflow.db'}. Run this in the "
            "directory of the training, or set the address of the store: tracking.uri=..."
        )
    with FileLock(directory / "mlflow.lock"):
        follow_move(directory.resolve())
    return embedded_uri(directory)
