"""Nested model selection: in each fold the run is selected on dev and evaluated on test."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from imbclf.evaluation.finished_run import FinishedRun
from imbclf.evaluation.pairing import same_folds
from imbclf.evaluation.summary import pooled_report


@dataclass(frozen=True)
class NestedChoice:
    """The error rate of the procedure "train all of these and keep the best".

    Attributes:
        hter, low, high: pooled a-priori HTER of the runs chosen in each fold, and its interval.
        chosen: for each fold the name of the run that was best on its dev part.
    """

    hter: float
    low: float
    high: float
    chosen: tuple[str, ...]


def nested_choice(runs: Sequence[FinishedRun]) -> NestedChoice | None:
    """Select in each fold the run with the highest AUROC on dev, and evaluate it on the test part.

    The test part took no part in the selection, so that the HTER is unbiased, unlike the lowest of
    several (nested cross-validation: Varma & Simon, BMC Bioinformatics 7, 2006).

    Returns:
        None for fewer than two runs, different folds, or runs without results on dev.
    """
    if len(runs) < 2 or not all(same_folds(run, runs[0]) for run in runs[1:]):
        return None
    folds = [row["fold"] for row in runs[0].summary["per_fold"]]
    on_dev = {
        (run.name, row["fold"]): row.get("dev_auroc")
        for run in runs
        for row in run.summary["per_fold"]
    }
    if None in on_dev.values():
        return None
    best = [max(runs, key=lambda run: on_dev[run.name, fold]) for fold in folds]
    parts = [run.oof[run.oof["fold"] == fold] for run, fold in zip(best, folds, strict=True)]
    oof = pd.concat(parts)
    repeated = not oof.index.is_unique
    clusters = oof["group"] if "group" in oof else oof.index.to_series() if repeated else None
    report = pooled_report(
        oof["score"].to_numpy(),
        oof["label"].to_numpy(),
        ("0", "1"),
        None if clusters is None else clusters.to_numpy(str),
    )
    low, high = report["hter_interval"]
    return NestedChoice(report["hter"], low, high, tuple(run.name for run in best))


def sentence(choice: NestedChoice) -> str:
    """Return the result as a sentence.

    >>> print(sentence(NestedChoice(0.1, 0.09, 0.11, ("a", "b", "a"))))
    Choosing by AUROC on dev, fold by fold, and testing each choice on images that took no part \
in it gives HTER 0.1000 (0.0900 to 0.1100): an honest estimate of what such a choice comes to. \
It fell on a in 2 of 3 folds, on b in 1.
    """
    times = pd.Series(choice.chosen).value_counts()
    first, *others = (
        f"{name} in {count}" + (f" of {len(choice.chosen)} folds" if place == 0 else "")
        for place, (name, count) in enumerate(times.items())
    )
    return (
        "Choosing by AUROC on dev, fold by fold, and testing each choice on images that took no "
        f"part in it gives HTER {choice.hter:.4f} ({choice.low:.4f} to {choice.high:.4f}): an "
        "honest estimate of what such a choice comes to. It fell on "
        f"{', on '.join([first, *others])}."
    )
