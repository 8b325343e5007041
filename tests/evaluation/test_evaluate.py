"""The evaluation of an ensemble on labeled images."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from helpers.listings import read, touch
from imbclf.evaluation.evaluate import evaluate
from imbclf.prediction.labeling_rule import decision_margins
from imbclf.prediction.predictions import Predictions


@pytest.mark.parametrize(
    ("decide", "threshold"), [("hter", 0.0), ("hter", 0.8), ("probability", 0.0)]
)
def test_decisions_are_judged_as_they_were_made(
    tmp_path: Path, decide: str, threshold: float
) -> None:
    rng = np.random.default_rng(0)
    folder = tmp_path / "faces"
    touch(folder, *(f"{name}/{number}.png" for name in ("bad", "good") for number in range(60)))
    listing = read(folder)
    labels = listing.labels
    assert labels is not None
    scores = rng.normal(size=120) + labels
    probabilities = expit(scores + 0.7 * rng.normal(size=120) - 1)
    margins = decision_margins(scores, probabilities, decide, threshold)  # type: ignore[arg-type]
    decisions = (margins >= 0).astype(np.int64)
    names = np.array(listing.label_names)[decisions]
    found = evaluate(
        Predictions(scores, probabilities, decisions, names, scores[:, None], decide, threshold),  # type: ignore[arg-type]
        listing,
        tmp_path,
        looks=1,
    )
    assert found["hter"] == pytest.approx(1 - balanced_accuracy_score(labels, decisions))
    ranked = probabilities if decide == "probability" else scores
    assert found["auroc"] == pytest.approx(roc_auc_score(labels, ranked))
    table = pd.read_csv(tmp_path / "predictions.csv")
    assert list(table) == ["file", "label", "decision", "p_bad", "p_good", "score"]
    assert table["decision"].tolist() == decisions.tolist()
    np.testing.assert_allclose(table["p_bad"] + table["p_good"], 1)
