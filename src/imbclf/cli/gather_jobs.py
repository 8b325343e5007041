"""Experiments of a sweep whose jobs trained one fold each, for `imbclf-gather`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from imbclf.cli.config.stored import load_configuration
from imbclf.errors import UserError

GATHERED, FOLD, JOB = "gathered", "cv.fold=", "job.json"
COUNTS = ("folds", "repeats")
MOST_FOLDS = 10_000
LONGEST_NAME = 100  # letters, of up to four bytes each; file systems allow 255 bytes


@dataclass
class Experiment:
    """The jobs of a sweep that differ only in their fold.

    Attributes:
        configuration: theirs, for all folds.
        overrides: theirs, without the fold.
        jobs: run directories by fold number.
    """

    configuration: DictConfig
    overrides: str
    jobs: dict[int, Path] = field(default_factory=dict)


def find_experiments(sweep: Path) -> list[Experiment]:
    """Group the jobs of a sweep that differ only in their fold.

    Raises:
        UserError: it is no sweep, or one of its jobs did not train exactly one fold.
    """
    from natsort import natsorted

    found: dict[str, Experiment] = {}
    # Nested as hydra.sweep.subdir may put them, else not: other folders may lie there too.
    configurations = [*sweep.glob("*/config.yaml")] or [*sweep.rglob("config.yaml")]
    jobs = [path.parent for path in natsorted(configurations, key=str)]
    for job in jobs:
        if GATHERED in job.relative_to(sweep).parts:
            continue
        configuration = load_configuration(job, "sweep")
        fold = OmegaConf.select(configuration, "cv.fold")
        if type(fold) is not int:
            raise UserError(
                f"{job}: trained with cv.fold={fold}; expected jobs of one fold each, as of "
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
    """Name an experiment by its overrides that not all others share, or by its first job.

    >>> job = {0: Path("sweep/0")}
    >>> adam = Experiment(DictConfig({}), "seed=1 optim=adam", job)
    >>> sgd = Experiment(DictConfig({}), "seed=1 optim=sgd", job)
    >>> folder_name(adam, [adam, sgd]), folder_name(adam, [adam, adam])
    ('optim=adam', 'job_0')
    """
    overrides = [one.overrides.split() for one in experiments]
    names = [
        re.sub(
            r"[^\w.,=+-]+",
            "_",
            " ".join(word for word in words if not all(word in others for others in overrides)),
        )
        for words in overrides
    ]
    own = names[experiments.index(experiment)]
    is_usable = names.count(own) == 1 and 0 < len(own) <= LONGEST_NAME
    return own if is_usable else f"job_{min(experiment.jobs.values()).name}"


def missing_folds(experiment: Experiment) -> list[str]:
    """Return a message for each fold that is missing or unfinished.

    Raises:
        UserError: the configuration has no valid number of folds.
    """
    models = _count_folds(experiment)
    prefix = f"{experiment.overrides}: " if experiment.overrides else ""
    problems = []
    for fold in range(models):
        job = experiment.jobs.get(fold)
        if job is None:
            problems.append(f"{prefix}no job trained fold {fold}")
        elif not (job / "summary.json").exists():
            problems.append(f"{prefix}fold {fold} is not finished in {job}")
    return problems


def _count_folds(experiment: Experiment) -> int:
    """Return how many folds there are: those that a job's images are divided into, if it got there.

    Images that are numbered by folds have as many as there are numbers, whatever `cv.folds` is.
    """
    from imbclf.evaluation.run_directory import SPLITS, read_split_table

    folds, repeats = (OmegaConf.select(experiment.configuration, f"cv.{name}") for name in COUNTS)
    if type(folds) is not int or type(repeats) is not int or folds * repeats > MOST_FOLDS:
        raise UserError(f"cv.folds={folds}, cv.repeats={repeats}: expected two numbers of folds")
    jobs = [job for _, job in sorted(experiment.jobs.items()) if (job / SPLITS).exists()]
    return len(read_split_table(jobs[0]).columns) - 1 if jobs else folds * repeats


def _overrides(job: Path) -> str:
    """Return the overrides of a job without its fold; "" if they are unknown."""
    from imbclf.evaluation.run_directory import read_overrides

    try:
        words = read_overrides(job)
    except UserError:
        return ""
    return " ".join(word for word in words if not word.startswith(FOLD))
