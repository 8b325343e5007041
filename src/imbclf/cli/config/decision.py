"""The group `decision`, shared by the commands that decide about images."""

from dataclasses import fields
from pathlib import Path

from omegaconf import DictConfig

from imbclf.cli.app.messages import log
from imbclf.errors import UserError
from imbclf.prediction.decision_options import DecisionOptions


def decision_options(cfg: DictConfig) -> DecisionOptions:
    """Read the options of `conf/decision` at the top level of a configuration.

    Raises:
        UserError: an option is not a number, or two contradict each other.
    """
    return DecisionOptions(**{field.name: cfg[field.name] for field in fields(DecisionOptions)})


def run_threshold(options: DecisionOptions, run: object) -> float:
    """Return the score threshold, chosen on out-of-fold scores where `max_far` or the like is set.

    Raises:
        UserError: out-of-fold scores are needed, and `run` has none.
    """
    if options.aim is None:
        return options.threshold_on(None)
    from imbclf.evaluation.finished_run import read_run
    from imbclf.metrics.error_rates import decide, error_rates

    name, value = options.aim
    if not isinstance(run, str) or not (Path(run) / "oof.csv").exists():
        raise UserError(
            f"{name}={value}: needs the out-of-fold scores of a run directory "
            f"(run=RUN_DIR with oof.csv); run={run} has none. Use threshold=... instead"
        )
    oof = read_run(Path(run)).oof
    threshold = options.threshold_on({"score": oof["score"], "label": oof["label"]})
    far, frr = error_rates(decide(oof["score"], threshold), oof["label"])
    values = (threshold, far, frr, name, value)
    log.info("threshold    %.4f: out of fold FAR %.4f, FRR %.4f (%s=%s)", *values)
    return threshold
