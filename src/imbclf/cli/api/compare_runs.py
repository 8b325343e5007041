"""`imbclf.compare`: finished runs side by side."""

from collections.abc import Sequence
from dataclasses import asdict
from os import PathLike
from pathlib import Path

import pandas as pd

from imbclf.cli.config.home_paths import with_home
from imbclf.evaluation.comparison import rank
from imbclf.evaluation.finished_run import (
    FinishedRun,
    find_runs,
)
from imbclf.reporting.comparison_report import named_apart, write_comparison
from imbclf.reporting.run import Run


def compare(
    runs: Sequence[Run | str | PathLike[str]],
    *,
    reference: str | None = None,
    out: str | PathLike[str] | None = None,
) -> pd.DataFrame:
    """Rank runs by HTER, each tested against one of them on the images that both tested.

    Args:
        runs: runs, run directories, or sweep directories.
        reference: name (path) of the run that others are compared with; None is the best.
        out: folder for `comparison.csv` and `comparison.html`; None writes nothing. Runs that
            differ by seed only are compared as replicates of a recipe in `recipes.csv`.

    Returns:
        A row for each run, best first: run, hter, hter_low, hter_high, difference to the
        reference with its interval low to high, p, p_folds, verdict, far, frr, auroc, seconds,
        detectable.

    Raises:
        UserError: fewer than two runs, or runs that cannot be compared.
    """
    found: list[FinishedRun] = []
    for run in runs:
        found += find_runs(run.path if isinstance(run, Run) else Path(run).expanduser())
    named = named_apart(found)
    if reference is not None:
        reference = with_home(reference)
    if out is not None:
        write_comparison(named, reference, Path(out).expanduser())
    return pd.DataFrame([asdict(line) for line in rank(named, reference)])
