"""`imbclf-distill`: one network in place of a run's ensemble."""

import sys
from functools import partial
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from imbclf.cli.app.fast_imports import fast_imports
from imbclf.cli.app.json_result import report_result
from imbclf.cli.app.launch import launch
from imbclf.cli.app.messages import configure_logging, log
from imbclf.cli.app.signals import acknowledge_interrupt
from imbclf.cli.config.checks import expect_bool
from imbclf.cli.config.student import student_configuration
from imbclf.cli.config.trust import is_approval
from imbclf.cli.config.validation import check
from imbclf.errors import Interrupted

OWN = ("data.dir=", "model._target_=")  # approvals that are options of this command too


def main() -> None:
    """Run the command."""
    approved = [argument for argument in sys.argv[1:] if is_approval(argument)]
    sys.argv[1:] = [one for one in sys.argv[1:] if one not in approved or one.startswith(OWN)]
    sys.exit(launch("distill", partial(task, approved), ("run",)))


def task(approved: list[str], cfg: DictConfig) -> None:
    """Train a student and write it as a predictor.

    Args:
        approved: arguments that approve what the run names, see `is_approval`.
        cfg: of this command.
    """
    check(cfg, "distill")
    expect_bool("overwrite", cfg.overwrite)
    configure_logging()
    run = Path(str(cfg.run))
    out = run / "distilled" if cfg.out is None else Path(str(cfg.out))
    model = (
        None if cfg.model is None else DictConfig(OmegaConf.to_container(cfg.model, resolve=True))
    )
    folder = None if cfg.data.dir is None else str(cfg.data.dir)
    own = student_configuration(run, model, folder, approved)
    with fast_imports():
        from imbclf.cli.config.distillation import distill_with
        from imbclf.evaluation.run_directory import STUDENT_RESULT
        from imbclf.training.distillation.student_fold import StudentOptions

        options = StudentOptions(cfg.share, cfg.epochs, cfg.dev_fraction)
    try:
        distill_with(own, run, out, options, cfg.overwrite)
    except Interrupted:
        acknowledge_interrupt()
        log.info("\nInterrupted. Whole epochs are kept in %s; the same command resumes", out)
        raise
    result = out / STUDENT_RESULT
    report_result(result, student=result, predictor=out / "predictor")
    log.info("\nresult   %s", result)
    log.info("predict  imbclf-predict %s IMAGES", out)
