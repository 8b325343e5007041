"""Sweeps (`-m`): all jobs are checked before the first starts and compared at the end."""

import itertools
import json
import logging
import re
import sys
import traceback
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra import compose
from hydra.conf import HydraConf
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from imbclf.cli.app.json_result import report_error
from imbclf.cli.config.override_dirname import plain_override_dirname
from imbclf.cli.config.validation import check, drop_stale_options
from imbclf.cli.gather_jobs import JOB
from imbclf.errors import UserError
from imbclf.utils.files import write_text

log = logging.getLogger("imbclf")
JOBS = "jobs.json"  # of a sweep: the overrides of each job
folder: Path | None = None
plain_override_dirname()  # here, for the processes of a launcher import this module too


def forget() -> None:
    """Forget the sweep of an earlier call in this process."""
    global folder
    folder = None


class SweepCallback(Callback):
    """Hydra's hooks around a sweep and its jobs."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:  # noqa: ANN401
        """Check every job's configuration; an error ends the sweep before anything is trained."""
        global folder
        try:
            loader = GlobalHydra.instance().config_loader()
            jobs = expand(list(config.hydra.overrides.task), loader)
            for job in jobs:
                cfg = compose(str(config.hydra.job.config_name), job)
                drop_stale_options(cfg, job)
                check(cfg, "train")
        except (UserError, HydraException, OmegaConfBaseException) as error:
            # Hydra turns what a hook raises into a warning; only exiting stops the sweep.
            report_error(str(error))
            print(f"imbclf-train: error: {error}", file=sys.stderr)
            sys.exit(2)
        folder = Path(str(config.hydra.sweep.dir))
        write_text(folder / JOBS, json.dumps(jobs) + "\n")
        print(f"sweep    {len(jobs)} jobs in {folder}")

    def on_job_start(self, config: DictConfig, **_: Any) -> None:  # noqa: ANN401
        """Print which job starts."""
        if "num" in config.hydra.job and config.hydra.mode.name == "MULTIRUN":
            print(f"\n{title_of(config)}")

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:  # noqa: ANN401
        """Write the outcome of a job to a file; log a failure when it happens."""
        if config.hydra.mode.name != "MULTIRUN":
            return
        job = {
            "job": str(config.hydra.job.num),
            "title": title_of(config),
            "overrides": overrides_of(config),
            "error": None,
        }
        own = Path(config.hydra.runtime.output_dir)
        if job_return.status is JobStatus.FAILED:
            error = job_return._return_value
            job["error"] = str(error) if isinstance(error, UserError) else repr(error)
            write_text(own / "error.txt", "".join(traceback.format_exception(error)))
            free_traceback(error)
            log.error("failed   %s: %s", job["title"], job["error"])
        write_text(own / JOB, json.dumps(job) + "\n")


def free_traceback(error: BaseException | None) -> None:
    """Free the local variables of a traceback: a network on the GPU leaves no room for the next."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def overrides_of(config: DictConfig) -> str:
    """Return a job's overrides as the user typed them."""
    return " ".join(_plain(config.hydra.overrides.task))


def title_of(config: DictConfig) -> str:
    """Return which job of a sweep this is, counted from 1, and what is its own."""
    jobs = _jobs(config.hydra)
    return job_title(int(config.hydra.job.num), _typed(config.hydra, jobs), jobs)


def own_overrides(hydra: HydraConf) -> list[str]:
    """Return the overrides of a run; of a job of a sweep those that not all jobs have."""
    if hydra.mode is not RunMode.MULTIRUN:
        return _plain(hydra.overrides.task)
    jobs = _jobs(hydra)
    return differing(_typed(hydra, jobs), jobs)


def _typed(hydra: HydraConf, jobs: Sequence[list[str]]) -> list[str]:
    """Return the overrides of this job as they were typed: Hydra makes 0.001 of 1e-3."""
    own, number = _plain(hydra.overrides.task), int(hydra.job.num)
    typed = jobs[number] if number < len(jobs) else own
    same = {word.partition("=")[0] for word in typed} == {word.partition("=")[0] for word in own}
    return typed if same else own


def _jobs(hydra: HydraConf) -> list[list[str]]:
    """Return the overrides of all jobs of a sweep; those of this one if they are unknown."""
    file = Path(str(hydra.sweep.dir)) / JOBS
    with suppress(OSError, ValueError):  # of a launcher whose processes do not share the folder
        return [_plain(job) for job in json.loads(file.read_text(encoding="utf-8"))]
    return [_plain(hydra.overrides.task)]


def job_title(number: int, own: Sequence[str], jobs: Sequence[Sequence[str]]) -> str:
    """Return which job of a sweep this is, and those of its overrides that not all jobs have.

    Args:
        number: of the job, from 0.
        own: its overrides.
        jobs: those of all jobs.

    >>> jobs = [["seed=1", "loss=bce"], ["seed=1", "loss=focal"]]
    >>> job_title(1, jobs[1], jobs), job_title(0, jobs[0], jobs[:1])
    ('job 2 of 2: loss=focal', 'job 1 of 1: seed=1 loss=bce')
    """
    of = f" of {len(jobs)}" if number < len(jobs) else ""
    return f"job {number + 1}{of}: {' '.join(differing(own, jobs))}"


def differing(own: Sequence[str], jobs: Sequence[Sequence[str]]) -> list[str]:
    """Return those overrides of a job that not all jobs have, all of them if there are none.

    >>> differing(["seed=1", "loss=bce"], [["seed=1", "loss=bce"], ["seed=1", "loss=focal"]])
    ['loss=bce']
    """
    return [word for word in own if not all(word in job for job in jobs)] or [*own]


def _plain(overrides: Iterable[object]) -> list[str]:
    plain = [str(override).lstrip("+") for override in overrides]
    # Choices of a sweep are written as Python writes them.
    return [re.sub(r"=(True|False)$", lambda found: found[0].lower(), one) for one in plain]


def expand(overrides: list[str], loader: ConfigLoader | None = None) -> list[list[str]]:
    """Return the overrides of every job of a sweep.

    Args:
        overrides: of the sweep.
        loader: lists the choices of a group, for `glob(...)`.

    Raises:
        UserError: no choice matches.

    >>> expand(["optim=adam,sgd", "seed=1"])
    [['optim=adam', 'seed=1'], ['optim=sgd', 'seed=1']]
    """
    choices = []
    for parsed in OverridesParser.create(loader).parse_overrides(overrides):
        if parsed.is_sweep_override():
            key = parsed.get_key_element()
            choices.append([f"{key}={value}" for value in parsed.sweep_string_iterator()])
        else:
            choices.append([str(parsed.input_line)])
        if not choices[-1]:
            raise UserError(f"{parsed.input_line}: expected a choice, and nothing matches")
    return [list(job) for job in itertools.product(*choices)]
