"""The winner's scores: on dev, where it was chosen, and on unseen test images."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from imbclf.data.dataset import LabelledFolder
from imbclf.data.listing import Listing
from imbclf.evaluation.evaluate import evaluate
from imbclf.evaluation.looks import caution, count_look
from imbclf.evaluation.run_directory import read_summary
from imbclf.prediction.predictor import Predictor
from imbclf.training.recipe import Recipe
from imbclf.tuning.outcome import AUROC, HTER

HOLDOUT_FOLDER = "holdout"


@dataclass(frozen=True)
class WinnerResult:
    """Scores of a winner on dev, where it was chosen, and on test.

    Attributes:
        trial: its number.
        trials: number of trials that it was chosen among.
        dev_hter, dev_auroc: means over the dev parts of the trial's folds.
        hter, low, high, auroc: on unseen test images, with the confidence interval of the HTER.
        images: number of test images.
        models: number of fold models that were evaluated as one ensemble.
        looks: how many different results have been seen on these images, by this study or others.
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


def evaluate_on_holdout(
    run: Path, data: LabelledFolder, held: Listing, recipe: Recipe
) -> dict[str, Any]:
    """Evaluate a run's ensemble on the holdout of the study."""
    predictor = Predictor.load(run / "predictor")
    pixels, kept = replace(data, depth=predictor.pixel_options.scale).open(held)
    device, precision, _ = recipe.parts.scoring
    predictions = predictor.predict_pixels(pixels, device, precision, progress=True)
    looks = count_look(kept, predictions.decisions, data.cache_dir, run)
    return evaluate(predictions, kept, run / HOLDOUT_FOLDER, looks)


def winner_result(
    trial: FrozenTrial, trials: int, run: Path, evaluation: dict[str, Any] | None, winners: int
) -> WinnerResult:
    """Return the winner's result; without an evaluation, its run's own test scores count.

    Args:
        trial: the winner.
        trials: number of trials that it was chosen among.
        run: the run directory of the winner.
        evaluation: its result on the held-out images, if there are any.
        winners: number of winners of this study so far, each of which was a look.
    """
    summary = read_summary(run)
    test = summary if evaluation is None else evaluation
    low, high = test["hter_interval"]
    return WinnerResult(
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
        looks=winners if evaluation is None else max(winners, evaluation["looks"]),
    )


def one_line(result: WinnerResult, metric: str) -> str:
    """Return the result on one line.

    >>> one_line(WinnerResult(7, 24, 0.1, 0.96, 0.12, 0.11, 0.13, 0.95, 2400, 5, 1), "auroc")
    'Trial 7, best of 24 by auroc on dev: HTER .100 on dev, .120 on 2,400 unseen test images.'
    """
    dev, test = (f"{rate:.3f}".lstrip("0") for rate in (result.dev_hter, result.hter))
    return (
        f"Trial {result.trial}, best of {result.trials} by {metric} on dev: HTER {dev} on dev, "
        f"{test} on {result.images:,} unseen test images."
    )


def describe_result(result: WinnerResult) -> list[str]:
    """Return sentences on both scores and their difference.

    >>> result = WinnerResult(7, 24, 0.1, 0.96, 0.12, 0.11, 0.13, 0.95, 2400, 5, 1)
    >>> dev, test, difference = describe_result(result)
    >>> dev
    'On dev, HTER 0.1000, AUROC 0.9600: too optimistic, as trial 7 was chosen there among 24.'
    >>> difference.partition(":")[0]
    'From dev to test'
    """
    lines = [
        f"On dev, HTER {result.dev_hter:.4f}, AUROC {result.dev_auroc:.4f}: too optimistic, as "
        f"trial {result.trial} was chosen there among {result.trials}.",
        f"On test, HTER {result.hter:.4f} ({result.low:.4f} to {result.high:.4f}), AUROC "
        f"{result.auroc:.4f}: {result.images:,} images that took no part in the search, in "
        "training or in any threshold. This is the number to report.",
        _describe_gap(result),
    ]
    if result.looks > 1:
        lines.append(f"This is look {result.looks} at these images: {caution(result.looks)}.")
    return lines


def _describe_gap(result: WinnerResult) -> str:
    hter, auroc = result.hter - result.dev_hter, result.auroc - result.dev_auroc
    gap = (
        f"From dev to test: {hter:+.4f} in HTER, {auroc:+.4f} in AUROC. This is the optimism of "
        "selection (trial, epoch and threshold were chosen on these dev images) plus chance, "
        "which may outweigh it."
    )
    if result.models == 1:
        return gap
    return (
        f"{gap} On test {result.models} models decide together, on dev each alone, which by "
        "itself makes test look better."
    )
