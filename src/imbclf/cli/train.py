"""`imbclf-train`: train the folds of an experiment into a run directory."""

import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from omegaconf import DictConfig

from imbclf.cli import sweep
from imbclf.cli.app.fast_imports import fast_imports
from imbclf.cli.app.json_result import as_json, report_error, report_result
from imbclf.cli.app.launch import EXIT_FAILURE, launch, run_command
from imbclf.cli.app.messages import configure_logging, log, log_if_demo
from imbclf.cli.app.os_errors import FULL, describe_os_error
from imbclf.cli.app.signals import acknowledge_interrupt
from imbclf.cli.app.streams import lasting_streams
from imbclf.cli.config.home_paths import expand_home
from imbclf.cli.config.own_networks import is_own_network
from imbclf.cli.config.stored import finished_job, missing_report, stored_configuration
from imbclf.cli.config.tracking import name_of
from imbclf.cli.config.trust import needed_approvals
from imbclf.cli.config.validation import check, drop_stale_options
from imbclf.cli.sweep import own_overrides
from imbclf.cli.sweep_report import jobs_of, report_launcher_failure, report_sweep, sweep_files
from imbclf.errors import Interrupted, UserError
from imbclf.models.allowed_networks import OPTION


def main() -> None:
    """Run the command."""
    sys.exit(as_json("imbclf-train", _run))


def _run() -> int:
    given = [expand_home(argument) for argument in sys.argv[1:]]
    resume = [argument for argument in given if argument.startswith("resume=")]
    others = [argument for argument in given if argument not in resume]
    if not resume:
        return _launch_job_or_sweep()
    run = Path(resume[0].partition("=")[2])
    if {"-m", "--multirun"} & set(others):
        sys.argv[1:] = [*others, f"hydra.sweep.dir={run}"]
        return _launch_job_or_sweep()
    return run_command("imbclf-train", lambda: train(stored_configuration(run, others), run))


def _launch_job_or_sweep() -> int:
    code, failure = 0, None
    sweep.forget()
    with lasting_streams():
        try:
            code = launch("train", task, ("data.dir",))
        except Exception as error:
            if sweep.folder is None:
                raise
            failure = error  # of a job, already logged, or of the launcher
        return _end_sweep(code, failure)


def _end_sweep(code: int, failure: Exception | None) -> int:
    if sweep.folder is None:
        return code
    failed = report_sweep(sweep.folder)
    report_result(partial(jobs_of, sweep.folder), **sweep_files(sweep.folder))
    if failed:
        report_error(f"{failed} jobs failed; see their error in the result")
    elif failure is not None:
        report_launcher_failure(sweep.folder, failure)
    return code or (EXIT_FAILURE if failed or failure is not None else 0)


def task(cfg: DictConfig) -> float:
    """Train an experiment in Hydra's output directory; return the HTER."""
    from hydra.core.hydra_config import HydraConfig

    drop_stale_options(cfg, HydraConfig.get().overrides.task)
    check(cfg, "train")
    run = Path(HydraConfig.get().runtime.output_dir)
    hter = finished_job(cfg, run)
    if hter is None:
        hydra = HydraConfig.get()
        name = name_of(own_overrides(hydra))
        return train(cfg, run, Path(hydra.runtime.cwd), hydra.overrides.task, name)
    report_result(run / "summary.json", **run_files(run))
    print(f"finished before: {run}, HTER {hter:.4f}{missing_report(run)}")
    return hter


def train(
    cfg: DictConfig,
    run: Path,
    start: Path | None = None,
    options: Sequence[str] | None = None,
    name: str | None = None,
) -> float:
    """Train an experiment in a run directory; return the HTER.

    Args:
        cfg: the checked configuration.
        run: the run directory.
        start: where the user is, for messages; None for the working directory.
        options: as they were given; None where a run is resumed, which keeps its own.
        name: of the run in the tracking store; None for that of its directory.
    """
    configure_logging()
    log_if_demo(cfg, "imbclf-train")
    with fast_imports():
        from imbclf.cli.config.build import experiment_from
        from imbclf.evaluation.run_command import write_command

        experiment = experiment_from(cfg, name=name)
    configure_logging(run / "train.log")
    if options is not None:
        write_command(run, options)
    start = start or Path.cwd()
    here = run.relative_to(start) if run.is_relative_to(start) else run
    try:
        hter = experiment(run)
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise UserError(
            f"{describe_os_error(error, sys.argv[1:])}. Finished folds and the last whole "
            f"epoch are kept; resume with {resume_command(cfg, run, here)}"
        ) from error
    except Interrupted:
        acknowledge_interrupt()
        _log_interrupted(cfg, run, here)
        raise
    report_result(run / "summary.json", **run_files(run))
    _log_finished(cfg, run, here)
    return hter


def _log_interrupted(cfg: DictConfig, run: Path, here: Path) -> None:
    """Log how the run is resumed, and what of it can predict already."""
    log.info("\nInterrupted. Finished folds and the best epoch so far are kept in %s", here)
    log.info("resume with  %s", resume_command(cfg, run, here))
    if (run / "predictor" / "predictor.json").exists():
        log.info("predict      imbclf-predict %s IMAGES   (finished folds)", here)
    for best in sorted(run.glob("fold_*/best.ckpt")):
        if not (best.parent / "result.json").exists():
            log.info("predict      imbclf-predict %s IMAGES", here / best.relative_to(run))


def _log_finished(cfg: DictConfig, run: Path, here: Path) -> None:
    """Log where the report is, and what can be done with the run."""
    from imbclf.data.holdout import HOLDOUT
    from imbclf.evaluation.run_directory import read_summary

    written = "report.html" if (run / "report.html").exists() else "summary.json"
    log.info("report   %s", here / written)
    advice = read_summary(run)["verdict"]["advice"]
    if advice:
        log.info("next     %s", advice)
    if (run / HOLDOUT).exists():
        log.info("judge    imbclf-evaluate %s   (on the images held out: once, at the end)", here)
    what = "predict " if advice else "next    "
    allowed = f" {OPTION}={cfg.model._target_}" if is_own_network(cfg.model._target_) else ""
    log.info("%s imbclf-predict %s IMAGES%s", what, here, allowed)


def run_files(run: Path) -> dict[str, Path]:
    """Return what a finished run has written, by the names of `--json`."""
    named = {"report": "report.html", "summary": "summary.json", "scores": "oof.csv"}
    files = {name: run / file for name, file in named.items()}
    return {"run": run, **files, "predictor": run / "predictor"}


def resume_command(cfg: DictConfig, run: Path, here: Path) -> str:
    """Return the command that resumes a run, with the approvals that it needs."""
    try:
        approvals = needed_approvals(cfg, run)
    except UserError:
        approvals = []
    return shlex.join(["imbclf-train", f"resume={here}", *approvals])
