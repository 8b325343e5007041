"""`imbclf-report`: rewrite the report of a finished run from its run directory."""

import sys
from pathlib import Path

from omegaconf import DictConfig

from imbclf.cli.app.fast_imports import fast_imports
from imbclf.cli.app.json_result import report_result
from imbclf.cli.app.launch import launch
from imbclf.cli.app.messages import configure_logging, log
from imbclf.cli.config.validation import check


def main() -> None:
    """Run the command."""
    sys.exit(launch("report", task, ("run",)))


def task(cfg: DictConfig) -> None:
    """Write `report.html` and `suspects.csv` into the run directory."""
    check(cfg, "report")
    configure_logging()

    with fast_imports():
        from imbclf.evaluation.detection_rates import detection_table
        from imbclf.evaluation.restate_detection import restate_detection
        from imbclf.evaluation.run_directory import read_summary
        from imbclf.evaluation.run_images import from_run
        from imbclf.prediction.scoring import pick_device
        from imbclf.reporting.run_report import SUSPECTS, write_report

    run = Path(str(cfg.run))
    restate_detection(run, cfg.positive, cfg.prevalence)
    log.info("writing   the report")
    folder = None if cfg.data.dir is None else str(cfg.data.dir)
    written = write_report(run, from_run(run, folder), pick_device(cfg.accelerator))
    if cfg.positive is not None or cfg.prevalence is not None:
        summary = read_summary(run)
        log.info("%s\n", detection_table(summary["detection"], summary["label_names"]))
    report_result(run / "summary.json", run=run, report=Path(written), suspects=run / SUSPECTS)
    log.info("report    %s", written)
    log.info("suspects  %s", run / SUSPECTS)
