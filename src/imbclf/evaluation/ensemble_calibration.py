"""How alike the fold models of a run are: the probabilities of its predictor depend on it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imbclf.data.splits import Fold
from imbclf.errors import UserError
from imbclf.evaluation.fold_files import FoldResult
from imbclf.metrics.ensemble_calibration import models_correlation
from imbclf.prediction.decision_rule import DecisionRule, check_rule
from imbclf.prediction.manifest import PREDICTOR, Manifest, write_ensemble_rule


def calibrate_ensemble(
    run: Path, results: Sequence[FoldResult], folds: Sequence[Fold], labels: NDArray[np.int64]
) -> None:
    """Measure how alike the fold models are; write it into the manifest of the run's predictor.

    A predictor of version 0.1, which averages probabilities, is left as it is.

    Args:
        run: the run directory, with a predictor of the folds that were trained.
        results: of these folds.
        folds: all of them.
        labels: `[N]`, of all images.

    Raises:
        UserError: the predictor is damaged.
    """
    manifest = Manifest.load(run / PREDICTOR)
    if manifest.ensemble.average == "probability":
        return
    rules = {entry["weights"]: check_rule(entry) for entry in manifest.entries}
    names = [f"fold_{result.fold}.safetensors" for result in results]
    if missing := {*names} - {*rules}:
        raise UserError(f"{run / PREDICTOR}: has no {min(missing)}. Train this fold again")
    own = [rules[name] for name in names]
    log_odds = out_of_fit_log_odds(results, folds, own, len(labels))
    prior = float(np.mean([rule["prior"] for rule in own]))
    correlation = models_correlation(log_odds, labels, prior)
    write_ensemble_rule(run / PREDICTOR, replace(manifest.ensemble, correlation=correlation))


def out_of_fit_log_odds(
    results: Sequence[FoldResult],
    folds: Sequence[Fold],
    rules: Sequence[DecisionRule],
    images: int,
) -> NDArray[np.float64]:
    """Return calibrated log-odds `[N, M]` of images by fold model; NaN where it was trained on it.

    Args:
        results: of M folds.
        folds: all folds.
        rules: of the M fold models.
        images: N.
    """
    log_odds = np.full((images, len(results)), np.nan)
    for column, (result, rule) in enumerate(zip(results, rules, strict=True)):
        fold = folds[result.fold]
        for rows, logits in ((fold.dev, result.dev_logits), (fold.test, result.test_logits)):
            log_odds[rows, column] = rule["slope"] * logits + rule["intercept"]
    return log_odds
