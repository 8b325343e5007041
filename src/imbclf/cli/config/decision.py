"""The group `decision`, shared by the commands that decide about images."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from imbclf.cli.app.messages import log
from imbclf.prediction.decision_options import REFERRALS, DecisionOptions

if TYPE_CHECKING:
    from imbclf.prediction.operating_point import OperatingPoint
    from imbclf.prediction.referral import Referral


def decision_options(cfg: DictConfig) -> DecisionOptions:
    """Read the options of `conf/decision` at the top level of a configuration.

    Raises:
        UserError: an option is not a number, or two contradict each other.
    """
    return DecisionOptions(**{field.name: cfg[field.name] for field in fields(DecisionOptions)})


def run_point(options: DecisionOptions, run: object) -> "OperatingPoint | Referral | None":
    """Return what an aim asks for (`max_far`, `refer` or the like) and log it.

    Raises:
        UserError: out-of-fold scores are needed, and `run` has none; or the aim cannot be met.
    """
    if options.aim is None:
        return None
    from imbclf.evaluation.operating_scores import operating_point_of

    point = operating_point_of(options, Path(str(run)))
    log.info("%-12s %s", "refer" if options.aim[0] in REFERRALS else "threshold", point)
    return point
