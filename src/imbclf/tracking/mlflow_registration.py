"""Registration of a run's ensemble in MLflow's model registry, ready to be served."""

import base64
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from imbclf.tracking.mlflow_models import NOBODY, log_model, save_served_model
from imbclf.tracking.mlflow_store import (
    embedded_uri,
    global_tracking_uri,
    open_store,
    summary,
    without_foreign_warnings,
)
from imbclf.tracking.store_address import chosen_uri

# isort: split
# After the store, which sets what MLflow reads when it is imported.
import mlflow
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from PIL import Image

from imbclf.errors import UserError
from imbclf.prediction.labeling_rule import check_band
from imbclf.prediction.predictor import Predictor

SERVED = "served"  # name of the logged model


class Registered(NamedTuple):
    """A version of a registered model.

    Attributes:
        name: of the registered model.
        version: the new version's number.
        uri: of the store.
    """

    name: str
    version: str
    uri: str


@without_foreign_warnings()
def register(
    predictor: Path,
    name: str,
    alias: str | None,
    description: str,
    run_id: str | None,
    uri: str | None,
    directory: Path,
    band: tuple[float, float] = NOBODY,
) -> Registered:
    """Log the folder `predictor` as a model that takes image files, and register it.

    Args:
        predictor: the folder, which is copied.
        name: of the registered model; created if it does not exist.
        alias: set to the new version; None sets none.
        description: of the version.
        run_id: the MLflow run that it comes from, if the store has it.
        uri: tracking URI; None for MLFLOW_TRACKING_URI, else the embedded store in `directory`.
        directory: the directory of the embedded store; created if it does not exist.
        band: the scores from which and up to which a person is asked; nobody is if they are equal.

    Raises:
        UserError: the predictor cannot be read, or the store cannot be used or rejects the name; or
            a person is asked, and a label is called `refer`, too.
    """
    loaded = Predictor.load(predictor)
    example = example_request(loaded.image_size)
    if band != NOBODY:
        check_band(band, "hter", loaded.label_names)
    uri = chosen_uri(uri)
    store = uri or embedded_uri(directory)
    try:
        client, experiment_id = open_store(uri, "imbclf", directory.resolve())
        known = _known_run(client, run_id)
        if known is not None:
            experiment_id = known.info.experiment_id
        own = None if known is None else known.info.run_id
        _find_or_create(client, name)
        save = partial(save_served_model, predictor, example, band)
        model_id = log_model(client, experiment_id, own, SERVED, save)
        with global_tracking_uri(store):
            version = client.create_model_version(
                name, f"models:/{model_id}", own, description=description, model_id=model_id
            )
        if alias is not None:
            client.set_registered_model_alias(name, alias, version.version)
    except (MlflowException, OSError) as error:
        raise UserError(
            f"name={name}, alias={alias}: cannot be registered in {store}: {summary(error)}"
        ) from error
    return Registered(name, str(version.version), store)


def example_request(image_size: tuple[int, int]) -> pd.DataFrame:
    """Return a request of one gray image: its PNG bytes in base64 in the column `image`.

    >>> example_request((8, 6))["image"][0][:8]
    'iVBORw0K'
    """
    file = BytesIO()
    Image.fromarray(np.full((*image_size, 3), 128, dtype=np.uint8)).save(file, "PNG")
    return pd.DataFrame({"image": [base64.b64encode(file.getvalue()).decode("ascii")]})


def _known_run(client: mlflow.MlflowClient, run_id: str | None) -> mlflow.entities.Run | None:
    try:
        return None if run_id is None else client.get_run(run_id)
    except MlflowException:
        return None  # it was tracked in another store


def _find_or_create(client: mlflow.MlflowClient, name: str) -> None:
    try:
        client.get_registered_model(name)
    except MlflowException:
        client.create_registered_model(name)
