"""The winner's two numbers: the one it was chosen by, and the one that nobody chose."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from imbclf.data.dataset import LabelledFolder
from imbclf.data.listing import Listing
from imbclf.evaluation.evaluate import evaluate
from imbclf.evaluation.run_directory import read_summary
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.scoring import scoring_precision
from imbclf.training.recipe import Recipe
from imbclf.tuning.trials import AUROC, HTER

HOLDOUT_FOLDER = "holdout"


@dataclass(frozen=True)
class Verdict:
    """What a winner reached where it was chosen, and where it was judged.

    Attributes:
        trial: its number.
        trials: that it was chosen among.
        dev_hter, dev_auroc: means over the dev parts of the trial's folds.
        hter, low, high, auroc: on test images that took no part, with the interval of the HTER.
        images: how many these are.
        models: that decided together.
        looks: how many winners of this study were judged on these images so far.
    """

    trial: int
    trials: int
    dev_hter: float
    dev_auroc: float
    hter: float
    low: float
    high: float
    auroc: float
    images: int
    models: int
    looks: int


def judge_holdout(run: Path, data: LabelledFolder, held: Listing, recipe: Recipe) -> dict[str, Any]:
    """Judge a run's ensemble on the images that the whole study held out."""
    predictor = Predictor.load(run / "predictor")
    pixels, kept = data.open(held)
    precision = scoring_precision(recipe.parts.precision)
    answer = predictor.predict_pixels(pixels, recipe.parts.device, precision, progress=True)
    return evaluate(answer, kept, run / HOLDOUT_FOLDER)


def verdict(
    trial: FrozenTrial, trials: int, run: Path, evaluation: dict[str, Any] | None, looks: int
) -> Verdict:
    """Put the two numbers together; without an evaluation the run's own test part is the test."""
    summary = read_summary(run)
    test = summary if evaluation is None else evaluation
    low, high = test["hter_interval"]
    return Verdict(
        trial=trial.number,
        trials=trials,
        dev_hter=float(trial.user_attrs[HTER]),
        dev_auroc=float(trial.user_attrs[AUROC]),
        hter=test["hter"],
        low=low,
        high=high,
        auroc=test["auroc"],
        images=test["images"],
        models=1 if evaluation is None else len(summary["per_fold"]),
        looks=looks,
    )


def in_short(told: Verdict, metric: str) -> str:
    """Say it in one line.

    >>> in_short(Verdict(7, 24, 0.1, 0.96, 0.12, 0.11, 0.13, 0.95, 2400, 5, 1), "auroc")
    'Trial 7, of 24 the best auroc on dev: HTER .100 there, .120 on 2,400 images that took no part.'
    """
    dev, test = (f"{rate:.3f}".lstrip("0") for rate in (told.dev_hter, told.hter))
    return (
        f"Trial {told.trial}, of {told.trials} the best {metric} on dev: HTER {dev} there, {test} "
        f"on {told.images:,} images that took no part."
    )


def sentences(told: Verdict) -> list[str]:
    """Say both numbers and what lies between them.

    >>> told = Verdict(7, 24, 0.1, 0.96, 0.12, 0.11, 0.13, 0.95, 2400, 5, 1)
    >>> dev, test, difference = sentences(told)
    >>> dev
    'On dev, HTER 0.1000, AUROC 0.9600: what trial 7 was chosen by among 24, and so too good.'
    >>> difference.partition(":")[0]
    'From dev to test'
    """
    lines = [
        f"On dev, HTER {told.dev_hter:.4f}, AUROC {told.dev_auroc:.4f}: what trial {told.trial} "
        f"was chosen by among {told.trials}, and so too good.",
        f"On test, HTER {told.hter:.4f} ({told.low:.4f} to {told.high:.4f}), AUROC "
        f"{told.auroc:.4f}: {told.images:,} images that took no part in the search, in training or "
        "in any threshold. This is the number to tell.",
    ]
    lines.append(_apart(told))
    if told.looks > 1:
        lines.append(
            f"{told.looks} winners of this study have now been judged on these test images, as it "
            "was gone on with: who keeps the best of them has chosen on test."
        )
    return lines


def _apart(told: Verdict) -> str:
    gap = f"{told.hter - told.dev_hter:+.4f} in HTER, {told.auroc - told.dev_auroc:+.4f} in AUROC"
    together = (
        f" On test {told.models} models decide together, on dev each alone: that by itself makes "
        "test look better."
    )
    return (
        f"From dev to test: {gap}. This is the optimism of choosing (trial, epoch and threshold "
        "were picked for doing well on these very dev images) and chance, which may outweigh it."
    ) + together * (told.models > 1)
