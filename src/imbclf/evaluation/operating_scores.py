"""The out-of-fold scores of a run that an operating point of its predictor is chosen on."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.evaluation.cross_fitting import cross_fitted_scores
from imbclf.evaluation.fold_files import read_scores
from imbclf.evaluation.run_directory import OOF, read_oof
from imbclf.metrics.expected_performance import DevAndTest
from imbclf.metrics.thresholds import Method
from imbclf.prediction.decision_options import REFERRALS, DecisionOptions
from imbclf.prediction.operating_point import OperatingPoint
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.referral import Referral
from imbclf.utils.safe_reading import read_yaml, readable
from imbclf.utils.schema import field, mapping, one_of


def operating_point_of(options: DecisionOptions, run: Path) -> OperatingPoint | Referral | None:
    """Choose what options ask for on the cross-fitted scores of a run; None without an aim.

    Raises:
        UserError: the run has no out-of-fold scores, or the aim cannot be met.
    """
    if options.aim is None:
        return None
    name, value = options.aim
    if not (run / OOF).exists():
        raise UserError(
            f"{name}={value}: needs the out-of-fold scores of a run directory "
            f"(run=RUN_DIR with oof.csv); run={run} has none"
            + ("" if name in REFERRALS else ". Use threshold=... instead")
        )
    return options.operating_point(cross_fitted_oof(run))


def with_oof(predictor: Predictor, run: Path) -> Predictor:
    """Return a predictor that chooses aims on the scores of its run, if the run has any."""
    if not (run / OOF).exists():
        return predictor
    return replace(predictor, oof=partial(cross_fitted_oof, run))


def cross_fitted_oof(run: Path) -> dict[str, NDArray[Any]]:
    """Return `score` and `label` `[N]` of a run and, where there are groups, `group`.

    Raises:
        UserError: as `cross_fitted_table`.
    """
    table = cross_fitted_table(run)
    names = [name for name in ("score", "label", "group") if name in table]
    return {name: table[name].to_numpy() for name in names}


def cross_fitted_table(run: Path) -> pd.DataFrame:
    """Return `file`, `label`, `score` and, where there are groups, `group`: a row for each image.

    The score is the logit of the one model that never saw the image minus a threshold in which the
    image has no say (`cross_fitted_scores`), as near to the predictor's score as such images allow.
    Over repeats of the folds it is the mean, that of an ensemble of as many models.

    Raises:
        UserError: a file of the run is missing or damaged.
    """
    oof, method = read_oof(run), _threshold_method(run)
    group_of = dict(zip(oof["file"], oof["group"], strict=True)) if "group" in oof else None
    parts = []
    for fold in sorted(oof["fold"].unique()):
        table = read_scores(run, int(fold))
        dev, test = (table[table["part"] == part] for part in ("dev", "test"))
        scored = DevAndTest(
            *(part[name].to_numpy() for part in (dev, test) for name in ("logit", "label"))
        )
        own = None if group_of is None else test["file"].map(group_of).to_numpy(np.str_)
        scores = cross_fitted_scores(scored, method, own, seed=int(fold))
        parts.append(test[["file", "label"]].assign(score=scores))
    each: dict[str, Any] = {"label": "first", "score": "mean"}
    table = pd.concat(parts).groupby("file", sort=False).agg(each).reset_index()
    return table if group_of is None else table.assign(group=table["file"].map(group_of))


def _threshold_method(run: Path) -> Method:
    """Return how the run chose its thresholds."""
    path = run / "config.yaml"
    with readable(path, "the configuration of a finished run"):
        return field(field(read_yaml(path), "cv", mapping), "threshold", one_of(*get_args(Method)))
