"""`imbclf-compare`: rank finished runs and test which differences are significant."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig, ListConfig

from imbclf.cli.app.launch import launch
from imbclf.cli.app.messages import configure_logging, log
from imbclf.cli.config.checks import refuse_overwriting
from imbclf.cli.config.hydra_overrides import quoted
from imbclf.cli.config.validation import check

if TYPE_CHECKING:
    from imbclf.evaluation.finished_run import FinishedRun


def main() -> None:
    """Run the command; arguments that are not options are runs."""
    sys.argv[1:] = runs_as_option(sys.argv[1:])
    sys.exit(launch("compare", task))


def runs_as_option(arguments: list[str]) -> list[str]:
    """Turn arguments that are neither flags nor `key=value` into the option `runs`.

    >>> runs_as_option(["a", "out=x", "b c"])
    ['out=x', "runs=['a','b c']"]
    """
    runs = [one for one in arguments if not one.startswith("-") and "=" not in one]
    # A path may hold an equals sign.
    runs += [one for one in arguments if one not in runs and os.path.isdir(one)]  # noqa: PTH112
    others = [one for one in arguments if one not in runs]
    return [*others, f"runs=[{','.join(map(quoted, runs))}]"] if runs else others


def task(cfg: DictConfig) -> None:
    """Compare runs and write `comparison.csv` and `comparison.html`."""
    check(cfg, "compare")
    configure_logging()
    out = Path(str(cfg.out))
    refuse_overwriting(out, "comparison.csv", "a comparison", cfg.overwrite)

    from imbclf.evaluation.finished_run import (
        find_runs,
        read_run,
    )
    from imbclf.reporting.comparison_report import named_apart, write_comparison

    addresses = list(cfg.runs) if isinstance(cfg.runs, ListConfig) else [cfg.runs]
    runs: list[FinishedRun] = []
    for address in map(str, addresses):
        if address.startswith("experiments:/"):
            from imbclf.tracking.mlflow_models import download_runs

            fetched = download_runs(address, cfg.tracking.uri, Path(cfg.tracking.directory))
            runs += [read_run(folder, name) for folder, name in fetched.items()]
        else:
            runs += find_runs(Path(address))
    text = write_comparison(named_apart(runs), cfg.reference, out)
    log.info("%s", text)
    log.info("table    %s", out / "comparison.csv")
    log.info("page     %s", out / "comparison.html")
