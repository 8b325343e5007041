"""What a sweep (`-m`) adds: its jobs checked before the first starts, a leaderboard at its end."""

import csv
import itertools
import json
import logging
import sys
import traceback
from pathlib import Path
from typing import Any

from hydra import compose
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from imbclf.atomic import write_text
from imbclf.cli.check import adopt_targets, check
from imbclf.errors import UserError

log = logging.getLogger("imbclf")
COLUMNS = ("job", "hter", "hter_low", "hter_high", "far", "frr", "auroc", "seconds", "overrides")
JOB = "job.json"
folder: Path | None = None


class SweepCallback(Callback):
    """Hydra's hooks around a sweep and its jobs."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:  # noqa: ANN401
        """Check every job's configuration; a mistake ends the sweep before anything is trained."""
        from imbclf.cli.train import OPTIONS

        global folder
        jobs = expand(list(config.hydra.overrides.task))
        try:
            for job in jobs:
                cfg = compose(str(config.hydra.job.config_name), job)
                adopt_targets(cfg, job)
                check(cfg, OPTIONS)
        except (UserError, HydraException, OmegaConfBaseException) as error:
            # Hydra turns what a hook raises into a warning; leaving is the only way to stop.
            print(f"imbclf-train: error: {error}", file=sys.stderr)
            sys.exit(2)
        folder = Path(str(config.hydra.sweep.dir))
        print(f"sweep    {len(jobs)} jobs in {folder}")

    def on_job_start(self, config: DictConfig, **_: Any) -> None:  # noqa: ANN401
        """Say which job starts."""
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
            log.error("job %s failed: %s", job["job"], job["error"])
        write_text(own / JOB, json.dumps(job) + "\n")


def overrides_of(config: DictConfig) -> str:
    """Give a job's overrides as the user typed them."""
    return " ".join(str(override).lstrip("+") for override in config.hydra.overrides.task)


def expand(overrides: list[str]) -> list[list[str]]:
    """Give the overrides of every job of a sweep.

    >>> expand(["optim=adam,sgd", "seed=1"])
    [['optim=adam', 'seed=1'], ['optim=sgd', 'seed=1']]
    """
    choices = []
    for parsed in OverridesParser.create().parse_overrides(overrides):
        if parsed.is_sweep_override():
            key = parsed.get_key_element()
            choices.append([f"{key}={value}" for value in parsed.sweep_string_iterator()])
        else:
            choices.append([str(parsed.input_line)])
    return [list(job) for job in itertools.product(*choices)]


def leaderboard(sweep: Path) -> list[dict[str, Any]]:
    """Rank a sweep's finished jobs by HTER, failed ones last; write `leaderboard.csv`."""
    rows = []
    for path in sorted(sweep.glob(f"*/{JOB}")):
        job = json.loads(path.read_text(encoding="utf-8"))
        summary = path.parent / "summary.json"
        if job["error"] is None and summary.exists():
            reached = json.loads(summary.read_text(encoding="utf-8"))
            low, high = reached["hter_interval"]
            job |= {
                "hter_low": low,
                "hter_high": high,
                **{k: reached[k] for k in reached if k in COLUMNS},
            }
        rows.append(job)
    common = (
        set.intersection(*(set(row["overrides"].split()) for row in rows)) if rows[1:] else set()
    )
    for row in rows:
        row["overrides"] = " ".join(o for o in row["overrides"].split() if o not in common)
    rows.sort(key=lambda row: (row.get("hter") is None, row.get("hter") or 0.0))
    with (sweep / "leaderboard.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*COLUMNS, "error"], restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return rows


def leaderboard_text(rows: list[dict[str, Any]]) -> str:
    """Lay a leaderboard out for the terminal."""
    lines = ["", "   job    HTER   95 % interval      FAR     FRR   AUROC  seconds  overrides"]
    for row in rows:
        if row.get("hter") is None:
            outcome = "failed: " + str(row["error"]).splitlines()[0] if row["error"] else "stopped"
            lines.append(f"{row['job']:>6}  {outcome}   ({row['overrides']})")
            continue
        rates = " ".join(f"{row[name]:7.4f}" for name in ("far", "frr", "auroc"))
        interval = f"{row['hter_low']:.4f} to {row['hter_high']:.4f}"
        lines.append(
            f"{row['job']:>6} {row['hter']:7.4f} {interval} {rates} {row['seconds']:8.1f}  "
            f"{row['overrides']}"
        )
    return "\n".join(lines)


def conclude() -> int:
    """After a sweep, print its leaderboard; give the number of failed jobs."""
    if folder is None:
        return 0
    rows = leaderboard(folder)
    if rows:
        print(leaderboard_text(rows))
        print(f"\nleaderboard  {folder / 'leaderboard.csv'}")
    return sum(row["error"] is not None for row in rows)
