"""A recipe with as many epochs as its time limit allows."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from imbclf.data.splits import Fold
from imbclf.training.fold_setup import FoldTask
from imbclf.training.pace import Place, Workload
from imbclf.training.pilot import measure_steps
from imbclf.training.recipe import Recipe
from imbclf.training.time_limit import (
    Deadline,
    Plan,
    describe_plan,
    make_plan,
    read_plan,
    write_plan,
)

log = logging.getLogger("imbclf")


def keep_in_time(recipe: Recipe, folds: Sequence[Fold], run: Path) -> Recipe:
    """Return a recipe that trains all folds for as many epochs as end in time, and say so.

    The plan is made before the first epoch, from the first steps of the first fold on a network
    that is thrown away: schedules then follow the number of epochs that is trained, as if the user
    had asked for it. It is kept in the run directory, and a resumed run follows it.

    Args:
        recipe: of the experiment.
        folds: all of them.
        run: the run directory.

    Raises:
        UserError: there is no time for one epoch of each fold.
    """
    numbers, deadline = recipe.parts.cv.trained, recipe.parts.deadline
    asked = recipe.parts.trainer().max_epochs or 0
    if deadline is None or asked == 0:
        return recipe
    plan = read_plan(run)
    if plan is None:
        log.info("plan     measuring the first steps")
        plan = _plan(recipe, folds[numbers[0]], run, asked, deadline)
        write_plan(run, plan)
    log.info("%s", describe_plan(plan, len(numbers)))
    trainer = partial(recipe.parts.trainer, max_epochs=plan.epochs)
    return replace(recipe, parts=replace(recipe.parts, trainer=trainer))


def _plan(recipe: Recipe, fold: Fold, run: Path, asked: int, deadline: Deadline) -> Plan:
    numbers = recipe.parts.cv.trained
    place = Place(f"fold {numbers[0]}")
    measured = measure_steps(FoldTask(recipe, fold, numbers[0], run, place))
    batch_size = recipe.parts.batch_size
    work = Workload(asked, measured.steps, batch_size, len(fold.dev), len(fold.test))
    return make_plan(deadline, work, len(numbers), measured.step_seconds, measured.setup_seconds)
