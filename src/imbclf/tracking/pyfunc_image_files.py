"""The code that MLflow runs to serve a registered model: image files in base64 to labels.

As in `imbclf.tracking.pyfunc_arrays`, the model is this file and a folder of plain weights. It is
MLflow that imports this file, nothing here does.
"""

import logging
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from imbclf.errors import UserError
from imbclf.prediction.image_service import ImageService
from imbclf.prediction.labeling_rule import check_decide
from imbclf.prediction.predictor import Predictor


class ServedModel(PythonModel):
    """An `ImageService` behind MLflow's pyfunc interface."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the fold ensemble from the model's `predictor` artifact."""
        logging.getLogger("imbclf").setLevel(logging.WARNING)
        self._service = ImageService(Predictor.load(Path(context.artifacts["predictor"])))

    # MLflow reads the type hint of model_input: a data frame leaves it to the model's signature.
    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, object] | None = None,
    ) -> pd.DataFrame:
        """Return label, probability of each label, score and drift warning for each `image`.

        The parameter `decide` is `hter` or `probability`. From the score `refer_from` on and below
        `refer_to` the label is `refer`: a person decides; nowhere if both are the same.
        """
        del context  # a part of MLflow's interface that this model does not use
        given = params or {}
        try:
            decide = check_decide(given.get("decide", "hter"))
            low, high = (float(str(given.get(name, 0))) for name in ("refer_from", "refer_to"))
            band = None if low == high else (low, high)
            answer, warnings = self._service.answer(model_input["image"].tolist(), decide, band)
        except UserError as error:
            raise MlflowException(str(error), error_code=INVALID_PARAMETER_VALUE) from error
        return pd.DataFrame(self._service.predictor.columns(answer, warnings))


mlflow.models.set_model(ServedModel())
