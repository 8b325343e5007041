"""Comparison of finished runs: which is best, and which differences are significant."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Literal

import numpy as np

from imbclf.errors import UserError
from imbclf.evaluation.finished_run import FinishedRun
from imbclf.evaluation.pairing import pair_images, same_folds
from imbclf.metrics.error_rates import hter
from imbclf.metrics.power import detectable_difference
from imbclf.metrics.significance import Difference, corrected_resampled_t, holm, paired_hter_test

Verdict = Literal["reference", "better", "no evidence", "worse"]
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Rank:
    """A row of a comparison; `difference` to `detectable` compare the run with the reference.

    Attributes:
        run: its name.
        hter, hter_low, hter_high: pooled a-priori HTER and its interval.
        difference, low, high: in HTER on the common images, and its interval.
        p: of the paired test, adjusted for the number of runs compared: by Holm's procedure where
            the reference was named, by Bonferroni's for all pairs of runs where it is the lowest.
        p_folds: of the corrected resampled t-test over folds, adjusted too; NaN where the folds
            differ.
        verdict: the conclusion.
        far, frr: pooled.
        auroc: mean over folds.
        seconds: training time.
        detectable: the true difference that this test would have found with a power of 80 %; NaN
            for the reference.
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
    detectable: float


def rank(runs: Sequence[FinishedRun], reference: str | None = None) -> list[Rank]:
    """Rank runs by HTER and compare each with one of them on the images that both tested.

    Args:
        runs: with unique names.
        reference: name of the run that others are compared with; None is the one of lowest HTER.

    Raises:
        UserError: names are not unique, no run has the reference's name, or two runs tested no
            common images of both classes or disagree about labels.
    """
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        raise UserError(f"two runs have the same name: {', '.join(names)}")
    ordered = sorted(runs, key=lambda run: float(run.summary["hter"]))
    if reference is not None and reference not in names:
        raise UserError(f"reference={reference}: expected one of {', '.join(names)}")
    base = ordered[0] if reference is None else runs[names.index(reference)]
    others = [run for run in ordered if run is not base]
    tests = [_test(run, base) for run in others]
    p_values = adjusted([test[0].p for test in tests], reference is not None)
    p_folds = adjusted([test[1] for test in tests], reference is not None)
    count = tests_of(len(tests), reference is not None)
    found = {
        run.name: (test[0], p, p_of_folds, count)
        for run, test, p, p_of_folds in zip(others, tests, p_values, p_folds, strict=True)
    }
    return [_line(run, found.get(run.name)) for run in ordered]


def adjusted(p_values: Sequence[float], is_named: bool) -> list[float]:
    """Adjust p-values of k - 1 runs against a reference for their number.

    By Holm's procedure if the reference is named. If it is the best of the k, which is picked by
    its result, by Bonferroni's over k (k - 1) / 2 pairs, since any pair could have been that of
    best and worst: Holm over k - 1 would call a run of equal quality worse in .16 of comparisons of
    ten.
    """
    if is_named:
        return holm(p_values)
    pairs = tests_of(len(p_values), is_named)
    return [p if isnan(p) else min(1.0, pairs * p) for p in p_values]


def tests_of(others: int, is_named: bool) -> int:
    """Return the number of tests that p-values are adjusted for.

    >>> tests_of(9, is_named=True), tests_of(9, is_named=False)
    (9, 45)
    """
    return others if is_named else others * (others + 1) // 2


def verdict_of(difference: float, p: float) -> Verdict:
    """Return what a difference to the reference comes to."""
    return "no evidence" if p >= SIGNIFICANT else "worse" if difference > 0 else "better"


def _line(run: FinishedRun, found: tuple[Difference, float, float, int] | None) -> Rank:
    difference, p, p_folds, tests = found or (Difference(0.0, 0.0, 0.0, 1.0), 1.0, 1.0, 0)
    half_width = (difference.high - difference.low) / 2
    rates = {name: float(run.summary[name]) for name in ("hter", "far", "frr", "auroc", "seconds")}
    hter_low, hter_high = map(float, run.summary["hter_interval"])
    return Rank(
        run=run.name,
        hter_low=hter_low,
        hter_high=hter_high,
        difference=difference.hter,
        low=difference.low,
        high=difference.high,
        p=p,
        p_folds=p_folds,
        verdict=verdict_of(difference.hter, p) if found else "reference",
        detectable=detectable_difference(half_width, tests) if found else nan,
        **rates,
    )


def _test(run: FinishedRun, base: FinishedRun) -> tuple[Difference, float]:
    images = pair_images([base, run])
    theirs, ours = images.decisions
    difference = paired_hter_test(ours, theirs, images.labels, groups=images.groups)
    return difference, _p_over_folds(run, base)


def _p_over_folds(run: FinishedRun, base: FinishedRun) -> float:
    """Test the differences of fold after fold; NaN where the folds are not the same."""
    if not same_folds(run, base):
        return nan
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
