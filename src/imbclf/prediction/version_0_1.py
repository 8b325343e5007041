"""The predictor as models know it that version 0.1 has logged in MLflow."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imbclf.prediction import predictor
from imbclf.prediction.predictions import Predictions


class Predictor(predictor.Predictor):
    """A predictor whose `predict` takes pixels of its own size and returns arrays."""

    def predict(self, images: NDArray[np.uint8], *options: Any) -> Predictions:  # type: ignore[override] # noqa: ANN401
        """Label uint8 images `[N, H, W, 3]`; see `predict_pixels`."""
        return self.predict_pixels(images, *options)
