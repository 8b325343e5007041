"""The decision rule of a student: its threshold is carried over from those of the fold models."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imbclf.evaluation.fold_files import read_scores
from imbclf.metrics.significance import paired_hter_test
from imbclf.metrics.threshold_transfer import carried_threshold
from imbclf.metrics.thresholds import Method, choose_threshold
from imbclf.prediction.decision_rule import DecisionRule, decision_rule
from imbclf.prediction.predictor import Predictor

CONTRADICTION = 0.01  # p-value below which dev is believed instead


def student_rule(
    run: Path,
    ensemble: Predictor,
    files: NDArray[np.str_],
    labels: NDArray[np.int64],
    logits: NDArray[np.float64],
    dev: NDArray[np.int64],
    method: Method,
) -> tuple[DecisionRule, str]:
    """Return the decision rule of a student, and what its threshold was chosen on.

    The threshold of all out-of-fold scores of the run, in which every image has a say, is carried
    over by the dev images (`carried_threshold`), from which neither the student nor the fold models
    that score them here have learned. Where it errs significantly more on dev than the threshold
    that dev itself would choose, or cannot be carried over, the latter is taken. The calibration is
    that of dev.

    Args:
        run: the run directory.
        ensemble: its predictor.
        files: `[N]`, names of the run's images.
        labels: `[N]`.
        logits: `[M]`, of the student on its dev part.
        dev: int64 `[M]`, which images these are.
        method: how thresholds are chosen.

    Returns:
        The rule; and `out of fold` or `dev`.
    """
    truth = labels[dev]
    rule = decision_rule(logits, truth, method)
    tested, unseen = _scores(run, ensemble, files)
    known = np.isfinite(unseen[dev])
    rows = dev[known]
    if len(np.unique(labels[rows])) < 2:
        return rule, "dev"
    judged = np.isfinite(tested)
    threshold = choose_threshold(tested[judged], labels[judged], method)
    try:
        carried = carried_threshold(threshold, unseen[rows], logits[known], labels[rows])
    except ValueError:
        return rule, "dev"
    decided, chosen = (logits >= at for at in (carried, rule["threshold"]))
    found = paired_hter_test(decided, chosen, truth)
    if found.hter > 0 and found.p < CONTRADICTION:
        return rule, "dev"
    return {**rule, "threshold": carried}, "out of fold"


def _scores(
    run: Path, ensemble: Predictor, files: NDArray[np.str_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean logit - threshold `[N]` of the fold models that tested an image, NaN for none.

    And of those that have not learned from it: it was in their test or dev part.
    """
    row_of = {str(name): row for row, name in enumerate(files)}
    parts: dict[str, Sequence[str]] = {"tested": ["test"], "unseen": ["dev", "test"]}
    total = {name: np.zeros(len(files)) for name in parts}
    models = {name: np.zeros(len(files)) for name in parts}
    for model in ensemble.fold_models:
        table = read_scores(run, int(model.name.rpartition("_")[2]))
        table["row"] = [row_of[str(file)] for file in table["file"]]
        for name, of in parts.items():
            own = table[table["part"].isin(of)]
            rows = own["row"].to_numpy(np.int64)
            total[name][rows] += own["logit"].to_numpy(np.float64) - model.rule["threshold"]
            models[name][rows] += 1
    with np.errstate(invalid="ignore"):
        return total["tested"] / models["tested"], total["unseen"] / models["unseen"]
