"""How many epochs the folds of a run were trained for, and why fewer than were asked for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imbclf.evaluation.fold_files import Epochs
from imbclf.evaluation.improvement import with_improvement
from imbclf.training.pace import about
from imbclf.training.recipe import Recipe
from imbclf.training.time_limit import read_plan


def add_epochs(
    summary: dict[str, Any], recipe: Recipe, run: Path, epochs: Mapping[int, Epochs]
) -> None:
    """Add how many epochs were trained, and whether more would have helped.

    Args:
        summary: contents of `summary.json`, to which they are added.
        recipe: of the experiment.
        run: the run directory.
        epochs: the metrics of each epoch, by fold.
    """
    summary["epochs"] = epoch_counts(recipe, run)
    planned = summary["epochs"]["planned"]
    for row in summary["per_fold"]:
        row["trained_epochs"] = len(epochs[row["fold"]]) if planned else 0
    summary["warnings"] += fewer_epochs(summary, bool(recipe.parts.callbacks()))
    curves = [[row["dev/auroc"] for row in rows] for rows in epochs.values()]
    summary["verdict"] = with_improvement(summary["verdict"], curves, planned)


def epoch_counts(recipe: Recipe, run: Path) -> dict[str, float]:
    """Return how many epochs of a fold were asked for, and how many planned.

    They differ where `trainer.time_limit` allowed fewer; it is returned in seconds.
    """
    planned, plan = recipe.parts.trainer().max_epochs or 0, read_plan(run)
    if plan is None:
        return {"asked": planned, "planned": planned}
    return {"asked": plan.asked, "planned": plan.epochs, "time_limit": plan.time_limit}


def fewer_epochs(summary: Mapping[str, Any], may_stop: bool) -> list[str]:
    """Return a sentence for each reason why fewer epochs were trained than asked for.

    Args:
        summary: with `epochs` and `per_fold`.
        may_stop: whether a callback may end a fold; that is then no reason to warn.

    >>> epochs = {"asked": 40, "planned": 5, "time_limit": 600.0}
    >>> fewer_epochs({"epochs": epochs, "per_fold": []}, may_stop=False)
    ['5 of 40 epochs were trained: more did not fit into trainer.time_limit (10 min)']
    >>> rows = [{"fold": 1, "trained_epochs": 3}]
    >>> epochs = {"asked": 40, "planned": 40}
    >>> fewer_epochs({"epochs": epochs, "per_fold": rows}, may_stop=False)
    ['Fold 1 was trained for 3 of 40 epochs: trainer.max_time was over']
    """
    epochs, found = summary["epochs"], []
    asked, planned = epochs["asked"], epochs["planned"]
    if planned < asked:
        found.append(
            f"{planned} of {asked} epochs were trained: more did not fit into trainer.time_limit "
            f"({about(epochs['time_limit'])})"
        )
    if may_stop:
        return found
    return found + [
        f"Fold {row['fold']} was trained for {row['trained_epochs']} of {planned} epochs: "
        "trainer.max_time was over"
        for row in summary["per_fold"]
        if row["trained_epochs"] < planned
    ]
