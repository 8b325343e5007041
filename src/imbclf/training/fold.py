"""Train one fold, choose its threshold on dev and score its test part once."""

from pathlib import Path

import lightning as L
import numpy as np
from numpy.typing import NDArray
from torch import nn

from imbclf.data.splits import Fold
from imbclf.evaluation.fold_files import (
    LAST,
    FoldResult,
    fold_folder,
    write_fold,
)
from imbclf.metrics.error_rates import binary_report
from imbclf.metrics.thresholds import choose_threshold
from imbclf.models.backbone import Backbone
from imbclf.prediction.decision_rule import DecisionRule, decision_rule
from imbclf.prediction.fold_model_files import save_fold_model
from imbclf.prediction.scoring import score_images
from imbclf.tracking.base import Tracker
from imbclf.training.closed_form import score_features
from imbclf.training.fit import FittedFold, fit_fold
from imbclf.training.pace import Place
from imbclf.training.recipe import Recipe
from imbclf.utils.out_of_memory import explain_out_of_memory


def train_fold(
    recipe: Recipe,
    fold: Fold,
    number: int,
    run: Path,
    tracker: Tracker,
    place: Place | None = None,
) -> FoldResult:
    """Train one fold, write its results and its fold model, and return the results.

    A fold that was interrupted in an earlier run is resumed after its last whole epoch. With
    `trainer.max_epochs=0` the head is fitted and scored without training.
    """
    fitted = fit_fold(recipe, fold, number, run, tracker, place=place)
    with explain_out_of_memory(f"fold {number}", recipe.parts.batch_size):
        result = _score_fold(recipe, fold, number, fitted)
    deployed = {**fitted.metadata, **_deployed_rule(recipe, fold, result)}
    save_fold_model(run / "predictor", number, deployed, fitted.weights, recipe.parts.cv.tta)
    write_fold(run, result, fold, recipe.listing.files, recipe.labels)
    (fold_folder(run, number) / LAST).unlink(missing_ok=True)
    return result


def fit_and_judge_on_dev(
    recipe: Recipe,
    fold: Fold,
    number: int,
    run: Path,
    tracker: Tracker,
    callback: L.Callback,
    place: Place | None = None,
) -> dict[str, float]:
    """Train one fold and return a `binary_report` of its dev part alone.

    Epoch and threshold are chosen on the same part. `callback` runs after all others; an exception
    from it ends the training. No state to resume from is kept.
    """
    fitted = fit_fold(recipe, fold, number, run, tracker, callback, place)
    logits, labels = _score(recipe, fold.dev, fitted.network), recipe.labels[fold.dev]
    return binary_report(
        logits, labels, choose_threshold(logits, labels, recipe.parts.cv.threshold)
    )


def _score_fold(recipe: Recipe, fold: Fold, number: int, fitted: FittedFold) -> FoldResult:
    """Score dev and test with the weights of the chosen epoch; choose the threshold on dev."""
    dev, test = (_score(recipe, rows, fitted.network) for rows in (fold.dev, fold.test))
    return FoldResult(
        fold=number,
        epoch=int(fitted.metadata["epoch"]),
        threshold=choose_threshold(dev, recipe.labels[fold.dev], recipe.parts.cv.threshold),
        seconds=fitted.seconds,
        images_per_second=fitted.images_per_second,
        dev_logits=dev,
        test_logits=test,
    )


def _score(recipe: Recipe, rows: NDArray[np.int64], network: nn.Module) -> NDArray[np.float64]:
    if recipe.is_frozen:
        assert isinstance(network, Backbone)
        return score_features(network.head, recipe.embedding, rows)
    return score_images(
        network,
        recipe.resident,
        rows,
        recipe.parts.device,
        recipe.parts.precision,
        recipe.parts.scoring_batch_size,
        recipe.parts.cv.tta,
    )


def _deployed_rule(recipe: Recipe, fold: Fold, result: FoldResult) -> DecisionRule:
    """Choose the predictor's threshold on dev and test: three times as many images as dev alone.

    The network was fitted on neither. Reported test results use the threshold chosen on dev.
    """
    logits = np.concatenate([result.dev_logits, result.test_logits])
    labels = recipe.labels[np.concatenate([fold.dev, fold.test])]
    return decision_rule(logits, labels, recipe.parts.cv.threshold)
