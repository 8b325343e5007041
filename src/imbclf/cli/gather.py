"""`imbclf-gather`: make one run directory of a sweep whose jobs trained a fold each."""

import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from imbclf.cli.app.launch import launch
from imbclf.cli.app.messages import configure_logging, log
from imbclf.cli.config.checks import expect_bool, refuse_overwriting
from imbclf.cli.config.stored import (
    is_approval,
    load_configuration,
    refuse_untrusted,
    stored_configuration,
)
from imbclf.cli.config.validation import check
from imbclf.cli.sweep import JOB
from imbclf.cli.train import train
from imbclf.errors import UserError
from imbclf.utils.files import write_text

GATHERED = "gathered"
COUNTS = ("folds", "repeats")
MOST_FOLDS = 10_000
LONGEST_NAME = 100  # in letters, which take up to four of a file system's 255 bytes


@dataclass
class Experiment:
    """The jobs of a sweep that differ in their fold alone.

    Attributes:
        configuration: theirs, for all folds.
        overrides: theirs, without the fold.
        jobs: run directories by the number of the fold.
    """

    configuration: DictConfig
    overrides: str
    jobs: dict[int, Path] = field(default_factory=dict)


def main() -> None:
    """Run the command; an argument that is no option is the sweep."""
    allowed = [argument for argument in sys.argv[1:] if is_approval(argument)]
    sys.argv[1:] = sweep_as_option([one for one in sys.argv[1:] if one not in allowed])
    sys.exit(launch("gather", partial(task, allowed)))


def sweep_as_option(arguments: list[str]) -> list[str]:
    """Turn an argument that is neither flag nor `key=value` into the option `sweep`.

    >>> sweep_as_option(["outputs/sweep/folds", "overwrite=true"])
    ['sweep=outputs/sweep/folds', 'overwrite=true']
    """

    def is_path(one: str) -> bool:
        # A path may hold an equals sign.
        return not one.startswith("-") and ("=" not in one or os.path.isdir(one))  # noqa: PTH112

    return [f"sweep={one}" if is_path(one) else one for one in arguments]


def task(allowed: list[str], cfg: DictConfig) -> None:
    """Gather every experiment of the sweep.

    Args:
        allowed: what the sweep names and is not ours, see `is_approval`.
        cfg: of this command.
    """
    check(cfg, "gather")
    configure_logging()
    expect_bool("overwrite", cfg.overwrite)
    sweep = Path(str(cfg.sweep))
    experiments = find_experiments(sweep)
    problems = [problem for one in experiments for problem in missing_folds(one)]
    if problems:
        listed = "\n".join(problems)
        raise UserError(
            f"{listed}\nThese folds are needed: give the command that started the sweep, with "
            f"resume={sweep}, and gather again"
        )
    configurations = [one.configuration for one in experiments]
    refuse_untrusted(configurations, sweep, allowed, f"imbclf-gather {sweep}")
    for one in experiments:
        out = sweep / GATHERED
        if len(experiments) > 1:
            out /= folder_name(one, experiments)
        if not out.resolve().is_relative_to(sweep.resolve()):
            raise UserError(f"{out} leads out of the sweep by a link; remove it")
        refuse_overwriting(out, "summary.json", "a gathered run", cfg.overwrite)
        gather(one, out, allowed)
    if len(experiments) > 1:
        log.info("compare  imbclf-compare %s", sweep / GATHERED)


def gather(experiment: Experiment, out: Path, allowed: Sequence[str]) -> None:
    """Bring the folds together and conclude the run as one process does."""
    from imbclf.training.gather import gather_folds

    shutil.rmtree(out, ignore_errors=True)
    gather_folds(experiment.jobs, out)
    for job in experiment.jobs.values():  # what images they saw is compared with what there is now
        _take_splits(job, out)
    write_text(out / "config.yaml", OmegaConf.to_yaml(experiment.configuration))
    write_text(out / JOB, json.dumps({"job": out.name, "overrides": experiment.overrides}) + "\n")
    train(stored_configuration(out, allowed), out)


def _take_splits(job: Path, out: Path) -> None:
    name = "splits.csv"
    splits = (job / name).read_text(encoding="utf-8")
    if (out / name).exists() and (out / name).read_text(encoding="utf-8") != splits:
        raise UserError(
            f"{job / name}: this job divided other images, or the same ones otherwise, than the "
            "jobs before it; their folds do not belong together"
        )
    write_text(out / name, splits)


def find_experiments(sweep: Path) -> list[Experiment]:
    """Put the jobs of a sweep together that differ in their fold alone.

    Raises:
        UserError: it is no sweep, or one of its jobs did not train one fold.
    """
    from natsort import natsorted

    found: dict[str, Experiment] = {}
    jobs = [path.parent for path in natsorted(sweep.glob("*/config.yaml"), key=str)]
    for job in jobs:
        if job.name == GATHERED:
            continue
        configuration = load_configuration(job, "sweep")
        fold = OmegaConf.select(configuration, "cv.fold")
        if type(fold) is not int:
            raise UserError(
                f"{job}: trained with cv.fold={fold}; jobs of a fold each are gathered, as of "
                "imbclf-train -m cv.fold=0,1,2,3,4"
            )
        configuration.cv.fold = None
        text = OmegaConf.to_yaml(configuration)
        one = found.setdefault(text, Experiment(configuration, _overrides(job)))
        if fold in one.jobs:
            raise UserError(f"{job} and {one.jobs[fold]}: both trained fold {fold}")
        one.jobs[fold] = job
    if not found:
        raise UserError(f"{sweep}: expected a sweep directory of imbclf-train with jobs in it")
    return list(found.values())


def folder_name(experiment: Experiment, experiments: Sequence[Experiment]) -> str:
    """Call an experiment by what it was given and not all others were, or by its first job.

    >>> job = {0: Path("sweep/0")}
    >>> adam = Experiment(DictConfig({}), "seed=1 optim=adam", job)
    >>> sgd = Experiment(DictConfig({}), "seed=1 optim=sgd", job)
    >>> folder_name(adam, [adam, sgd]), folder_name(adam, [adam, adam])
    ('optim=adam', 'job_0')
    """
    given = [one.overrides.split() for one in experiments]
    names = [
        re.sub(
            r"[^\w.,=+-]+",
            "_",
            " ".join(word for word in words if not all(word in others for others in given)),
        )
        for words in given
    ]
    own = names[experiments.index(experiment)]
    is_clear = names.count(own) == 1 and 0 < len(own) <= LONGEST_NAME
    return own if is_clear else f"job_{min(experiment.jobs.values()).name}"


def missing_folds(experiment: Experiment) -> list[str]:
    """Return which folds there are not, and which are not finished.

    Raises:
        UserError: the configuration does not say how many there are.
    """
    folds, repeats = (OmegaConf.select(experiment.configuration, f"cv.{name}") for name in COUNTS)
    if type(folds) is not int or type(repeats) is not int or folds * repeats > MOST_FOLDS:
        raise UserError(f"cv.folds={folds}, cv.repeats={repeats}: expected two numbers of folds")
    what = f"{experiment.overrides}: " if experiment.overrides else ""
    problems = []
    for fold in range(folds * repeats):
        job = experiment.jobs.get(fold)
        if job is None:
            problems.append(f"{what}no job trained fold {fold}")
        elif not (job / "summary.json").exists():
            problems.append(f"{what}fold {fold} is not finished in {job}")
    return problems


def _overrides(job: Path) -> str:
    """Return what a job was called with, without its fold; nothing where that is not known."""
    from imbclf.evaluation.run_directory import read_overrides

    try:
        words = read_overrides(job)
    except UserError:
        return ""
    return " ".join(word for word in words if not word.startswith("cv.fold="))
