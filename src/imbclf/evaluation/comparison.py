"""Finished runs side by side: which is best, and by how much more than chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from natsort import natsorted

from imbclf.errors import UserError
from imbclf.evaluation.run_directory import read_oof, read_summary
from imbclf.metrics.error_rates import hter
from imbclf.metrics.significance import Difference, corrected_resampled_t, holm, paired_hter_test
from imbclf.utils.safe_reading import UNREADABLE, read_json

Verdict = Literal["reference", "better", "no evidence", "worse"]
SIGNIFICANT = 0.05


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """What a run directory says of itself.

    Attributes:
        name: what it is called in a table.
        summary: the contents of `summary.json`.
        oof: the contents of `oof.csv`, by file; an image has a row for each repeat of the folds.
    """

    name: str
    summary: dict[str, Any]
    oof: pd.DataFrame


@dataclass(frozen=True)
class Rank:
    """One line of a comparison; `low` to `p_folds` are of the difference to the reference.

    Attributes:
        run: its name.
        hter, hter_low, hter_high: pooled a-priori HTER and its interval.
        difference, low, high: in HTER on the common images, and its interval.
        p: of the paired test, adjusted for the number of runs compared (Holm).
        p_folds: of the corrected resampled t-test over folds, adjusted too; NaN where the folds
            differ.
        verdict: in a word.
        far, frr, auroc: pooled.
        seconds: of training.
    """

    run: str
    hter: float
    hter_low: float
    hter_high: float
    difference: float
    low: float
    high: float
    p: float
    p_folds: float
    verdict: Verdict
    far: float
    frr: float
    auroc: float
    seconds: float


def read_run(folder: Path, name: str | None = None) -> FinishedRun:
    """Read a finished run.

    Raises:
        UserError: a file is missing or damaged.
    """
    try:
        summary = read_summary(folder)
        oof = read_oof(folder).set_index("file")
    except UNREADABLE as error:
        raise UserError(f"{folder}: not a finished run of imbclf-train ({error!r})") from error
    return FinishedRun(name or folder.name, summary, oof)


def find_runs(folder: Path) -> list[FinishedRun]:
    """Read a run directory, called by its path, or those of a sweep, called by their overrides.

    Raises:
        UserError: it is neither.
    """
    if (folder / "summary.json").exists():
        return [read_run(folder, str(folder))]
    jobs = [path.parent for path in folder.glob("*/summary.json")]
    if not jobs:
        raise UserError(
            f"{folder}: expected a finished run directory or a sweep directory of imbclf-train"
        )
    names = _job_names(jobs)
    return [read_run(job, names[job]) for job in natsorted(jobs, key=str)]


def rank(runs: Sequence[FinishedRun], reference: str | None = None) -> list[Rank]:
    """Rank runs by HTER and compare each with one of them on the images that both tested.

    Args:
        runs: with names of their own.
        reference: name of the run that others are compared with; None is the one of least HTER.

    Raises:
        UserError: names are not unique or no run is called so; two runs tested no common images of
            both classes, or disagree about labels.
    """
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        raise UserError(f"two runs are called alike: {', '.join(names)}")
    ordered = sorted(runs, key=lambda run: float(run.summary["hter"]))
    if reference is not None and reference not in names:
        raise UserError(f"reference={reference}: expected one of {', '.join(names)}")
    base = ordered[0] if reference is None else runs[names.index(reference)]
    others = [run for run in ordered if run is not base]
    tests = [_test(run, base) for run in others]
    p_values = holm([test[0].p for test in tests])
    p_folds = _holm_of_some([test[1] for test in tests])
    found = {
        run.name: (test[0].hter, test[0].low, test[0].high, p, p_of_folds)
        for run, test, p, p_of_folds in zip(others, tests, p_values, p_folds, strict=True)
    }
    return [_line(run, found.get(run.name)) for run in ordered]


def _line(run: FinishedRun, found: tuple[float, ...] | None) -> Rank:
    if found is None:
        difference = low = high = 0.0
        p = p_folds = 1.0
        verdict: Verdict = "reference"
    else:
        difference, low, high, p, p_folds = found
        verdict = "no evidence" if p >= SIGNIFICANT else "worse" if difference > 0 else "better"
    rates = {name: float(run.summary[name]) for name in ("hter", "far", "frr", "auroc", "seconds")}
    hter_low, hter_high = map(float, run.summary["hter_interval"])
    return Rank(
        run=run.name,
        hter_low=hter_low,
        hter_high=hter_high,
        difference=difference,
        low=low,
        high=high,
        p=p,
        p_folds=p_folds,
        verdict=verdict,
        **rates,
    )


def _test(run: FinishedRun, base: FinishedRun) -> tuple[Difference, float]:
    ours, theirs = _by_image(run), _by_image(base)
    common = ours.index.intersection(theirs.index)
    ours, theirs = ours.loc[common], theirs.loc[common]
    disagree = int((ours["label"] != theirs["label"]).sum())
    if disagree:
        raise UserError(
            f"{run.name} and {base.name} disagree about the labels of {disagree} images, so that "
            "their errors are not comparable. Train both on the same label file"
        )
    if theirs["label"].nunique() < 2:
        raise UserError(
            f"{run.name} and {base.name} tested no common images of both classes; nothing can be "
            "compared"
        )
    groups = next((one["group"] for one in (theirs, ours) if "group" in one), None)
    difference = paired_hter_test(
        ours["decision"], theirs["decision"], theirs["label"], groups=groups
    )
    return difference, _p_over_folds(run, base)


def _by_image(run: FinishedRun) -> pd.DataFrame:
    """Return label, group if there is one and, over repeats the mean, decision of each image."""
    images = run.oof.groupby(level=0, sort=False)
    found = images[["label", "decision"]].mean()
    return found.assign(group=images["group"].first()) if "group" in run.oof else found


def _p_over_folds(run: FinishedRun, base: FinishedRun) -> float:
    """Test the differences of fold after fold; NaN where the folds are not the same."""
    if not same_folds(run, base):
        return float("nan")
    ours = [hter(part["decision"], part["label"]) for _, part in run.oof.groupby("fold")]
    theirs = [hter(part["decision"], part["label"]) for _, part in base.oof.groupby("fold")]
    differences = (np.array(ours) - np.array(theirs)).tolist()
    return corrected_resampled_t(differences, _fit_images(run), len(run.oof) / len(ours))


def _fit_images(run: FinishedRun) -> float:
    """Return the number of images that a fold was trained on, on average."""
    fit = [row.get("fit_images") for row in run.summary["per_fold"]]
    if None not in fit:
        return float(np.mean(fit))
    folds = int(run.summary["folds"])  # of an earlier version; dev is counted with it
    return len(run.oof) / len(fit) * (folds - 1)


def same_folds(run: FinishedRun, other: FinishedRun) -> bool:
    """Whether two runs tested the same images in the same folds."""
    ours, theirs = (one.oof.set_index("fold", append=True).index for one in (run, other))
    return len(ours) == len(theirs) and not len(ours.symmetric_difference(theirs))


def _holm_of_some(p_values: Sequence[float]) -> list[float]:
    known = [p for p in p_values if not isnan(p)]
    adjusted = iter(holm(known))
    return [p if isnan(p) else next(adjusted) for p in p_values]


def remarks(runs: Sequence[FinishedRun], ranks: Sequence[Rank]) -> list[str]:
    """Say in plain sentences what limits the comparison."""
    told = []
    sets = [frozenset(run.oof.index) for run in runs]
    if len(set(sets)) > 1:
        common = frozenset.intersection(*sets)
        told.append(
            f"Not all runs tested the same images ({len(common)} are common to all): HTERs are "
            "over each run's own images, differences and p over those that a pair has in common."
        )
    elif not all(same_folds(run, runs[0]) for run in runs[1:]):
        told.append(
            "The runs divided the images into other folds (seed, cv.folds or groups differ): "
            "differences hold for the images, but not for fold after fold."
        )
    if any("group" in run.oof for run in runs):
        told.append("Images of one group are not independent: p and intervals go by whole groups.")
    if len(runs) > 2:
        told.append(
            f"The least of {len(runs)} HTERs is too good an estimate of its run: it was chosen for "
            "being least. Judge the chosen run on images that took no part: data.holdout=0.2 keeps "
            "some out of every run, and imbclf-evaluate tests them once."
        )
    alike = [line.run for line in ranks if line.verdict == "no evidence"]
    if alike:
        told.append(
            f"No evidence is not equality: {len(alike)} may be better or worse by as much as the "
            "interval of the difference says."
        )
    return told


def _job_names(jobs: Sequence[Path]) -> dict[Path, str]:
    """Call the jobs of a sweep by their number and the overrides that not all of them share."""
    overrides = {}
    for job in jobs:
        told = job / "job.json"
        try:
            stored = read_json(told) if told.exists() else {}
        except UNREADABLE as error:
            raise UserError(f"{told}: not what a sweep leaves ({error!r})") from error
        overrides[job] = str(stored.get("overrides", "")).split()
    shared = set.intersection(*map(set, overrides.values())) if jobs[1:] else set()
    return {
        job: " ".join([job.name, *(word for word in words if word not in shared)])
        for job, words in overrides.items()
    }
