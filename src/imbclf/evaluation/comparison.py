"""Comparison of finished runs: which is best, and which differences are significant."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Literal

import numpy as np
import pandas as pd

from imbclf.errors import UserError
from imbclf.evaluation.finished_run import FinishedRun
from imbclf.metrics.error_rates import hter
from imbclf.metrics.significance import Difference, corrected_resampled_t, holm, paired_hter_test

Verdict = Literal["reference", "better", "no evidence", "worse"]
SIGNIFICANT = 0.05
DETECTABLE = 2.80 / 1.96  # of the half width of a 95 % interval


@dataclass(frozen=True)
class Rank:
    """A row of a comparison; `difference` to `p_folds` compare the run with the reference.

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
    adjust = holm if reference is not None else _of_all_pairs
    p_values = adjust([test[0].p for test in tests])
    p_folds = adjust([test[1] for test in tests])
    found = {
        run.name: (test[0].hter, test[0].low, test[0].high, p, p_of_folds)
        for run, test, p, p_of_folds in zip(others, tests, p_values, p_folds, strict=True)
    }
    return [_line(run, found.get(run.name)) for run in ordered]


def _of_all_pairs(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values of k - 1 runs against the best of the k, which is picked by its result.

    Bonferroni over k (k - 1) / 2 pairs, since any pair could have been that of best and worst:
    Holm over k - 1 would call a run of equal quality worse in .16 of comparisons of ten.
    """
    pairs = len(p_values) * (len(p_values) + 1) // 2
    return [p if isnan(p) else min(1.0, pairs * p) for p in p_values]


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


def remarks(runs: Sequence[FinishedRun], ranks: Sequence[Rank]) -> list[str]:
    """Return sentences on what limits the comparison."""
    sentences = []
    sets = [frozenset(run.oof.index) for run in runs]
    if len(set(sets)) > 1:
        common = frozenset.intersection(*sets)
        sentences.append(
            f"Not all runs tested the same images ({len(common)} are common to all): each HTER is "
            "over all images of its run, differences and p over the images that two runs share."
        )
    elif not all(same_folds(run, runs[0]) for run in runs[1:]):
        sentences.append(
            "The runs divided the images into other folds (seed, cv.folds or groups differ): "
            "differences hold for the images, but not for fold after fold."
        )
    if any("group" in run.oof for run in runs):
        sentences.append(
            "Images of one group are not independent: p and intervals go by whole groups."
        )
    if len(runs) > 2:
        sentences.append(
            f"The lowest of {len(runs)} HTERs is an optimistic estimate, since it was selected. "
            "Evaluate the selected run on images that took no part: data.holdout=0.2 keeps some "
            "out of every run, and imbclf-evaluate tests them once."
        )
    folders = sorted({run.data_dir for run in runs if run.data_dir is not None})
    if len(folders) > 1:
        sentences.append(
            f"The runs name several data folders ({', '.join(folders)}): images of the same file "
            "name are taken for the same image. If they are not, nothing here can be compared."
        )
    sentences.append(
        "Better and worse are said of these trained models on these images: another seed of the "
        "same recipe may differ as much. To compare recipes, train each with several seeds."
    )
    alike = [line for line in ranks if line.verdict == "no evidence"]
    if alike:
        # A half width is 1.96 standard errors; 2.8 are found with a power of 80 % at p < .05.
        detectable = max(line.high - line.low for line in alike) / 2 * DETECTABLE
        sentences.append(
            f"No evidence is not equality: {len(alike)} may be better or worse by as much as the "
            "interval of the difference says. True differences below about "
            f"{detectable:.4f} in HTER are mostly missed with these images."
        )
    return sentences
