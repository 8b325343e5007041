"""`imbclf-compare`: rank finished runs and test which differences are significant."""

import sys
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, ListConfig

from imbclf.cli.app.json_result import report_result
from imbclf.cli.app.launch import launch
from imbclf.cli.app.messages import configure_logging, log
from imbclf.cli.config.checks import refuse_overwriting
from imbclf.cli.config.hydra_overrides import quoted
from imbclf.cli.config.positional import split_bare
from imbclf.cli.config.validation import check

if TYPE_CHECKING:
    from imbclf.evaluation.finished_run import FinishedRun


def main() -> None:
    """Run the command; arguments that are not options are runs."""
    sys.argv[1:] = runs_as_option(sys.argv[1:])
    sys.exit(launch("compare", task))


def runs_as_option(arguments: list[str]) -> list[str]:
    """Turn the arguments without a name into the option `run`.

    >>> runs_as_option(["a", "out=x", "b c"])
    ['out=x', "run=['a','b c']"]
    """
    runs, others = split_bare(arguments)
    return [*others, f"run=[{','.join(map(quoted, runs))}]"] if runs else others


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

    addresses = list(cfg.run) if isinstance(cfg.run, ListConfig) else [cfg.run]
    runs: list[FinishedRun] = []
    for address in map(str, addresses):
        if address.startswith("experiments:/"):
            from imbclf.tracking.mlflow_models import download_runs

            fetched = download_runs(address, cfg.tracking.uri, Path(cfg.tracking.directory))
            runs += [read_run(folder, name) for folder, name in fetched.items()]
        else:
            runs += find_runs(Path(address))
    text = write_comparison(named_apart(runs), cfg.reference, out)
    report_result(
        lambda: rows_of(out / "comparison.csv"),
        table=out / "comparison.csv",
        page=out / "comparison.html",
    )
    log.info("%s", text)
    log.info("table    %s", out / "comparison.csv")
    log.info("page     %s", out / "comparison.html")


def rows_of(table: Path) -> list[dict[Hashable, Any]]:
    """Return the rows of `comparison.csv`, best run first; an empty cell is NaN."""
    import pandas as pd

    return pd.read_csv(table, dtype={"run": str}, keep_default_na=False, na_values=[""]).to_dict(
        "records"
    )
