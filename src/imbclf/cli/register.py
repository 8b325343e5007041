"""`imbclf-register`: register a run's ensemble in MLflow's model registry."""

import sys
from pathlib import Path

from omegaconf import DictConfig

from imbclf.cli.app.json_result import report_result
from imbclf.cli.app.launch import launch
from imbclf.cli.app.messages import configure_logging, log
from imbclf.cli.config.decision import run_point
from imbclf.cli.config.validation import check
from imbclf.errors import UserError
from imbclf.prediction.decision_options import DecisionOptions
from imbclf.tracking.addresses import predictor_folder


def main() -> None:
    """Run the command."""
    sys.exit(launch("register", task, ("run", "name")))


def task(cfg: DictConfig) -> None:
    """Register a predictor as a new version and log how to use it."""
    check(cfg, "register")
    options = DecisionOptions(refer=cfg.refer, max_error=cfg.max_error)
    configure_logging()

    from imbclf.evaluation.run_directory import read_tracking_run
    from imbclf.prediction.referral import Referral
    from imbclf.tracking.mlflow_models import NOBODY
    from imbclf.tracking.mlflow_registration import register

    address, directory = str(cfg.run), Path(cfg.tracking.directory)
    folder = predictor_folder(address, cfg.tracking.uri, directory)
    if folder is None:
        raise UserError(
            f"run={address}: expected a run directory of imbclf-train, or an MLflow address "
            "(runs:/ID, models:/NAME@ALIAS)"
        )
    run = Path(address)
    run_id = read_tracking_run(run)
    alias = None if cfg.alias is None else str(cfg.alias)
    point = run_point(options, cfg.run)
    band = point.band if isinstance(point, Referral) else NOBODY
    done = register(
        folder, str(cfg.name), alias, _description(run), run_id, cfg.tracking.uri, directory, band
    )
    model = f"models:/{done.name}" + (f"/{done.version}" if alias is None else f"@{alias}")
    report_result(lambda: {**done._asdict(), "alias": alias, "model": model})
    suffix = "" if alias is None else f", {alias}"
    log.info("registered   %s version %s%s", done.name, done.version, suffix)
    log.info("predict      imbclf-predict %s IMAGES", model)
    log.info("serve        export MLFLOW_TRACKING_URI=%s", done.uri)
    log.info("             export MLFLOW_ALLOW_PICKLE_DESERIALIZATION=false")
    log.info("             mlflow models serve --env-manager local -m %s", model)


def _description(run: Path) -> str:
    """Return the HTER of the run with its interval, where known."""
    from imbclf.evaluation.run_directory import read_summary

    if not (run / "summary.json").exists():
        return "HTER unknown"
    summary = read_summary(run)
    low, high = summary["hter_interval"]
    return f"HTER {summary['hter']:.4f}, 95 % interval {low:.4f} to {high:.4f} ({run.name})"
