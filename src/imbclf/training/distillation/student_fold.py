"""What a student is trained on and with: the run's own recipe on all images but a dev part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from imbclf.data.listing import Listing
from imbclf.data.parts import part_names
from imbclf.data.reading.part_names import DEV
from imbclf.data.splits import Fold, cut_dev
from imbclf.errors import UserError
from imbclf.evaluation.fold_files import chosen_epoch
from imbclf.models.backbone import Backbone
from imbclf.models.heads import OneClassHead
from imbclf.prediction.predictor import Predictor
from imbclf.training.distillation.student import Teacher
from imbclf.training.recipe import Recipe
from imbclf.utils.arrays import number_groups
from imbclf.utils.checks import check_range


@dataclass(frozen=True)
class StudentOptions:
    """How a student is trained.

    Args:
        share: of its loss that imitates the fold models, 0 to 1; 0 trains on labels alone (a
            refit), 1 on the fold models' opinion alone.
        epochs: passes over its images; None as many as the run planned for its folds where it
            learns from them, and in a refit as the folds chose on average.
        dev_fraction: share of all images that it does not learn from and that its threshold is
            chosen on; None is that of the run's folds.

    Raises:
        UserError: a value is out of range.
    """

    share: float = 0.5
    epochs: int | None = None
    dev_fraction: float | None = None

    def __post_init__(self) -> None:
        for name in ("share", "dev_fraction"):
            value = getattr(self, name)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, float | int)
            ):
                raise UserError(f"{name}={value}: expected a number")
        check_range("share", self.share, at_least=0, at_most=1)
        if self.dev_fraction is not None:
            what = "a share of the images"
            check_range("dev_fraction", self.dev_fraction, above=0, at_most=0.5, what=what)
        whole = isinstance(self.epochs, int) and not isinstance(self.epochs, bool)
        if self.epochs is not None and (not whole or self.epochs < 1):
            raise UserError(f"epochs={self.epochs}: expected a whole number, 1 or more")


def student_fold(listing: Listing, folds: Sequence[Fold], seed: int, dev_fraction: float) -> Fold:
    """Return all images but a dev part to fit; no test part.

    The dev part is that which the user gave; where there is none, it is drawn as for a fold:
    stratified, and without splitting groups.

    Args:
        listing: the images of the folds.
        folds: of the run.
        seed: of the run.
        dev_fraction: size of dev as a share of all images, where dev is drawn.

    Raises:
        UserError: the folds fit one label alone, or dev would lack a label.

    >>> from pathlib import Path
    >>> from imbclf.data.splits import stratified_folds
    >>> labels = np.array([0, 1, 1, 1] * 10)
    >>> listing = Listing(Path("p"), np.arange(40).astype(str), labels)
    >>> fold = student_fold(listing, stratified_folds(labels, 5, seed=0), seed=0, dev_fraction=0.1)
    >>> len(fold.fit), len(fold.dev), len(fold.test)
    (36, 4, 0)
    """
    labels = listing.known_labels
    if len(np.unique(labels[folds[0].fit])) < 2:
        raise UserError(
            "run: its folds were fitted to images of one label alone; such a run has no student. "
            "Use one of its fold models: fold_0/best.ckpt"
        )
    nothing = np.empty(0, np.int64)
    given = nothing if listing.parts is None else np.flatnonzero(part_names(listing.parts) == DEV)
    rows = np.arange(len(labels))
    if len(given):
        return Fold(np.setdiff1d(rows, given), given, nothing)
    groups = None if listing.groups is None else number_groups(listing.groups, labels)
    fit, dev = cut_dev(labels, rows, dev_fraction, (seed, len(folds)), groups)
    for name, part in (("fit", fit), ("dev", dev)):
        if len(np.unique(labels[part])) < 2:
            raise UserError(
                f"dev_fraction={dev_fraction}: the {name} part has images of one label alone, "
                "since there are few images or large groups; choose another share"
            )
    return Fold(fit, dev, nothing)


def planned_epochs(options: StudentOptions, share: float, summary: Mapping[str, Any]) -> int:
    """Return how many epochs a student is trained for.

    Args:
        options: of the user.
        share: of the loss that imitates the fold models.
        summary: of the run.

    Raises:
        UserError: epochs are asked for, and the run has none.

    >>> folds = [{"chosen_epoch": 3}, {"chosen_epoch": 6}, {"chosen_epoch": 5}]
    >>> run = {"per_fold": folds, "epochs": {"planned": 8}}
    >>> [planned_epochs(StudentOptions(), share, run) for share in (0.5, 0.0)]
    [8, 5]
    """
    chosen = [chosen_epoch(row) for row in summary["per_fold"]]
    planned = int(summary.get("epochs", {}).get("planned", max(chosen)))
    if options.epochs is None:
        return min(planned, round(float(np.mean(chosen)))) if share == 0 else planned
    if planned == 0:
        raise UserError(
            f"epochs={options.epochs}: the run fits its head without any (trainer.max_epochs=0), "
            "and so does its student; leave it out"
        )
    return options.epochs


def student_recipe(recipe: Recipe, epochs: int, teacher: Teacher | None) -> Recipe:
    """Return the recipe of a student: the last of `epochs` is kept, dev chooses the threshold only.

    Args:
        recipe: of the run, with the student's network.
        epochs: of the training, whose schedule follows them; 0 fits the head alone.
        teacher: what it learns from beside the labels, if anything.
    """
    parts = recipe.parts
    cv = replace(parts.cv, select="last", fold=None)
    trainer = partial(parts.trainer, max_epochs=epochs)
    own = replace(parts, cv=cv, trainer=trainer, deadline=None)
    return replace(recipe, parts=own, teacher=teacher)


def build_teacher(ensemble: Predictor, student: Backbone, share: float) -> Teacher | None:
    """Return what a student learns from; None where it is to learn from labels alone.

    A student with a probe of its own learns from the fold models without theirs: gradients reach
    its backbone alone, and its probe is fitted as theirs were.

    Args:
        ensemble: the run's predictor.
        student: its backbone.
        share: of the loss that imitates the fold models.
    """
    if share == 0 or isinstance(student.head, OneClassHead):
        return None
    has_probe = student.architecture["probe"] is not None
    models = ensemble.fold_models
    return Teacher([one.backbone if has_probe else one.network for one in models], share)
