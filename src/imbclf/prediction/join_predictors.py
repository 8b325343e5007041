"""Several ensembles as one."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from imbclf.data.pixel_options import FULL
from imbclf.errors import UserError
from imbclf.prediction.ensemble_rule import EnsembleRule
from imbclf.prediction.predictor import Predictor


def join(predictors: Sequence[Predictor]) -> Predictor:
    """Join several ensembles, which must agree on images, labels and views, into one.

    The correlation of its fold models is the mean of the ensembles' own; if one of them averages
    probabilities, as in version 0.1, the whole does.

    Raises:
        UserError: they do not agree.
    """
    first = predictors[0]
    for other in predictors[1:]:
        if other.tta != first.tta:
            raise UserError(
                f"run: these runs view images differently (tta {first.tta} and {other.tta}), so "
                "that their thresholds are not for the same scores"
            )
        if (other.image_size, other.label_names) != (first.image_size, first.label_names):
            raise UserError(
                f"run: these runs cannot be joined: images of {first.image_size} with labels "
                f"{first.label_names}, and of {other.image_size} with {other.label_names}"
            )
        if other.pixel_options != first.pixel_options:
            raise UserError(
                "run: these runs cannot be joined: they decode images differently (depth "
                f"{_shown(first)}, and {_shown(other)})"
            )
    fold_models = tuple(model for predictor in predictors for model in predictor.fold_models)
    # Fold models of several runs share names, and the runs may differ in their images.
    statistics = first.training_statistics if len(predictors) == 1 else None
    rules = [predictor.ensemble for predictor in predictors]
    old = any(rule.average == "probability" for rule in rules)
    correlation = float(np.mean([rule.correlation for rule in rules]))
    rule = EnsembleRule("probability") if old else EnsembleRule("log_odds", correlation)
    return replace(first, fold_models=fold_models, training_statistics=statistics, ensemble=rule)


def _shown(predictor: Predictor) -> str:
    options = predictor.pixel_options
    return f"{list(options.scale or FULL)}, fit {options.fit}"
