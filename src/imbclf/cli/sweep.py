"""What a sweep (`-m`) adds: jobs checked before the first starts, a comparison at its end."""

import itertools
import json
import logging
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from hydra import compose
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from imbclf.cli.config.validation import check, drop_stale_options
from imbclf.errors import UserError
from imbclf.utils.files import write_text

log = logging.getLogger("imbclf")
JOB = "job.json"
folder: Path | None = None


class SweepCallback(Callback):
    """Hydra's hooks around a sweep and its jobs."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:  # noqa: ANN401
        """Check every job's configuration; a mistake ends the sweep before anything is trained."""
        global folder
        try:
            loader = GlobalHydra.instance().config_loader()
            jobs = expand(list(config.hydra.overrides.task), loader)
            for job in jobs:
                cfg = compose(str(config.hydra.job.config_name), job)
                drop_stale_options(cfg, job)
                check(cfg, "train")
        except (UserError, HydraException, OmegaConfBaseException) as error:
            # Hydra turns what a hook raises into a warning; leaving is the only way to stop.
            print(f"imbclf-train: error: {error}", file=sys.stderr)
            sys.exit(2)
        folder = Path(str(config.hydra.sweep.dir))
        print(f"sweep    {len(jobs)} jobs in {folder}")

    def on_job_start(self, config: DictConfig, **_: Any) -> None:  # noqa: ANN401
        """Return which job starts."""
        if "num" in config.hydra.job and config.hydra.mode.name == "MULTIRUN":
            print(f"\njob {config.hydra.job.num}    {overrides_of(config)}")

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:  # noqa: ANN401
        """Write down how a job of a sweep ended; report a failure when it happens."""
        if config.hydra.mode.name != "MULTIRUN":
            return
        job = {"job": str(config.hydra.job.num), "overrides": overrides_of(config), "error": None}
        own = Path(config.hydra.runtime.output_dir)
        if job_return.status is JobStatus.FAILED:
            error = job_return._return_value
            job["error"] = str(error) if isinstance(error, UserError) else repr(error)
            write_text(own / "error.txt", "".join(traceback.format_exception(error)))
            free_traceback(error)
            log.error("job %s failed: %s", job["job"], job["error"])
        write_text(own / JOB, json.dumps(job) + "\n")


def report_launcher_failure(error: Exception) -> None:
    """Say why a sweep broke off where none of its jobs did."""
    assert folder is not None
    details = folder / "error.txt"
    write_text(details, "".join(traceback.format_exception(error)))
    why = str(error).strip() or repr(error)
    print(
        f"imbclf-train: error: the sweep's launcher broke off: {why}\nDetails are in {details}. "
        f"The jobs that are missing run with resume={folder}",
        file=sys.stderr,
    )


def free_traceback(error: BaseException | None) -> None:
    """Free what an error's frames hold: a network on the GPU, which the next job needs."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def overrides_of(config: DictConfig) -> str:
    """Return a job's overrides as the user typed them."""
    return " ".join(str(override).lstrip("+") for override in config.hydra.overrides.task)


def expand(overrides: list[str], loader: ConfigLoader | None = None) -> list[list[str]]:
    """Return the overrides of every job of a sweep.

    Args:
        overrides: of the sweep.
        loader: knows the choices of a group, which `glob(...)` is about.

    Raises:
        UserError: there would be no job.

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


def report_sweep() -> int:
    """After a sweep, name its failed jobs and compare the finished ones; count the failed ones."""
    if folder is None or not os.path.isdir(folder):  # noqa: PTH112  # of too long a name, say
        return 0
    from natsort import natsorted

    jobs = [path.parent for path in natsorted(folder.glob(f"*/{JOB}"), key=str)]
    finished, failed, folds = 0, 0, 0
    for job in jobs:
        told = json.loads((job / JOB).read_text(encoding="utf-8"))
        if told["error"] is not None:
            failed += 1
            print(f"failed   job {told['job']} ({told['overrides']}): {told['error']}")
        finished += (job / "summary.json").exists()
        folds += "cv.fold=" in told["overrides"]
    if folds == len(jobs) > 1:
        print(f"\ngather   imbclf-gather {folder}   (one run of all folds)")
    elif finished > 1:
        from imbclf.evaluation.comparison import find_runs
        from imbclf.reporting.comparison_report import write_comparison

        print("\n" + write_comparison(find_runs(folder), None, folder))
        print(f"comparison  {folder / 'comparison.html'}")
    return failed
