"""The code that MLflow stores with a logged model and runs when it loads it.

MLflow calls this "models from code": the model is this file and a `predictor/` folder of plain
weights, so nothing is pickled. It is MLflow that imports this file, nothing here does.
"""

from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from imbclf.prediction.labeling_rule import check_decide
from imbclf.prediction.predictor import Predictor


class PredictorModel(PythonModel):
    """A `Predictor` behind MLflow's pyfunc interface."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the fold ensemble from the model's `predictor` artifact."""
        self._predictor = Predictor.load(Path(context.artifacts["predictor"]))

    # MLflow reads the type hint of model_input: a bare ndarray leaves it to the model's signature.
    def predict(
        self,
        context: PythonModelContext,
        model_input: np.ndarray,
        params: dict[str, object] | None = None,
    ) -> pd.DataFrame:
        """Return label, probability of each label and score of uint8 images [N, H, W, 3].

        The parameter `decide` is `hter` or `probability`.
        """
        del context  # a part of MLflow's interface that this model does not use
        decide = check_decide((params or {}).get("decide", "hter"))
        answer = self._predictor.predict_pixels(model_input, decide=decide)
        return pd.DataFrame(self._predictor.columns(answer))


mlflow.models.set_model(PredictorModel())
