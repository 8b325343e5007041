"""`imbclf-gather`: combine a sweep whose jobs trained one fold each into one run directory."""

import json
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from imbclf.cli.app.json_result import report_result
from imbclf.cli.app.launch import launch
from imbclf.cli.app.messages import configure_logging, log
from imbclf.cli.config.checks import expect_bool, refuse_overwriting
from imbclf.cli.config.stored import stored_configuration
from imbclf.cli.config.trust import is_approval, refuse_untrusted
from imbclf.cli.config.validation import check
from imbclf.cli.gather_jobs import (
    GATHERED,
    JOB,
    Experiment,
    find_experiments,
    folder_name,
    missing_folds,
)
from imbclf.cli.train import train
from imbclf.errors import UserError
from imbclf.utils.files import write_text


def main() -> None:
    """Run the command."""
    approved = [argument for argument in sys.argv[1:] if is_approval(argument)]
    sys.argv[1:] = [one for one in sys.argv[1:] if one not in approved]
    sys.exit(launch("gather", partial(task, approved), ("run",)))


def task(approved: list[str], cfg: DictConfig) -> None:
    """Gather every experiment of the sweep.

    Args:
        approved: arguments that approve what the sweep names, see `is_approval`.
        cfg: of this command.
    """
    from imbclf.evaluation.run_directory import read_summary

    check(cfg, "gather")
    configure_logging()
    expect_bool("overwrite", cfg.overwrite)
    sweep = Path(str(cfg.run))
    experiments = find_experiments(sweep)
    if problems := [problem for one in experiments for problem in missing_folds(one)]:
        if len(experiments) > 1 and all(len(one.jobs) == 1 for one in experiments):
            raise UserError(
                f"{sweep}: its jobs trained one fold each, and no two of them differ in the fold "
                f"alone: there is nothing to gather. Compare them: imbclf-compare {sweep}"
            )
        listed = "\n".join(problems)
        raise UserError(
            f"{listed}\nAll folds are needed: repeat the command that started the sweep, with "
            f"resume={sweep}, then gather again"
        )
    configurations = [one.configuration for one in experiments]
    refuse_untrusted(configurations, sweep, approved, f"imbclf-gather {sweep}")
    runs = []
    for one in experiments:
        out = sweep / GATHERED
        if len(experiments) > 1:
            out /= folder_name(one, experiments)
        if not out.resolve().is_relative_to(sweep.resolve()):
            raise UserError(f"{out} leads out of the sweep by a link; move it elsewhere")
        refuse_overwriting(out, "summary.json", "a gathered run", cfg.overwrite)
        gather(one, out, approved)
        runs.append(out)
    report_result(lambda: [{"run": str(run), "summary": read_summary(run)} for run in runs])
    if len(experiments) > 1:
        log.info("compare  imbclf-compare %s", sweep / GATHERED)


def gather(experiment: Experiment, out: Path, approved: Sequence[str]) -> None:
    """Copy the folds into one run directory and finish the run as `imbclf-train` does."""
    from imbclf.data.holdout import HOLDOUT
    from imbclf.evaluation.run_directory import SPLITS
    from imbclf.training.gather import gather_folds

    shutil.rmtree(out, ignore_errors=True)
    gather_folds(experiment.jobs, out)
    for job in experiment.jobs.values():  # `train` compares these images with those of today
        _copy_table(job, out, SPLITS)
        if (job / HOLDOUT).exists():
            _copy_table(job, out, HOLDOUT)
    write_text(out / "config.yaml", OmegaConf.to_yaml(experiment.configuration))
    write_text(out / JOB, json.dumps({"job": out.name, "overrides": experiment.overrides}) + "\n")
    train(stored_configuration(out, approved), out)


def _copy_table(job: Path, out: Path, name: str) -> None:
    text = (job / name).read_text(encoding="utf-8")
    if (out / name).exists() and (out / name).read_text(encoding="utf-8") != text:
        raise UserError(
            f"{job / name}: differs from that of the jobs before it; only folds of the same images "
            "and splits can be gathered"
        )
    write_text(out / name, text)
