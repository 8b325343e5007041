"""The objects that train one fold: Lightning module, data module, callbacks."""

from dataclasses import dataclass
from pathlib import Path

import lightning as L
import numpy as np

from imbclf.augment import augmentation_of_fold
from imbclf.data.splits import Fold
from imbclf.evaluation.fold_files import fold_folder
from imbclf.samplers import IndexSampler
from imbclf.training.batchnorm import EstimateSlowNorms
from imbclf.training.callbacks import (
    CompileNetwork,
    EpochRecord,
    MovingAverage,
    Progress,
    UnfreezeBackbone,
)
from imbclf.training.datamodule import FoldDataModule
from imbclf.training.distillation.student import Student
from imbclf.training.distributed import EndOnSigterm
from imbclf.training.epoch_lines import EpochLines
from imbclf.training.initialization import initialize
from imbclf.training.lightning_module import BinaryClassifier
from imbclf.training.lightning_warnings import SilenceWarnings
from imbclf.training.optim import OptimizerRecipe
from imbclf.training.pace import Place
from imbclf.training.recipe import Recipe
from imbclf.training.sampler_feedback import Feedback
from imbclf.training.start_from import start_weights
from imbclf.utils.arrays import class_counts


@dataclass(frozen=True)
class FoldTask:
    """One fold of an experiment.

    Attributes:
        recipe: of the experiment.
        fold: rows of its fit, dev and test parts.
        number: of the fold.
        run: the run directory.
        place: among the folds that are trained.
    """

    recipe: Recipe
    fold: Fold
    number: int
    run: Path
    place: Place

    @property
    def folder(self) -> Path:
        """Return the fold's folder in the run directory."""
        return fold_folder(self.run, self.number)

    @property
    def seed(self) -> int:
        """Return the fold's own seed."""
        return int(np.random.default_rng([self.recipe.parts.seed, self.number]).integers(2**31))


def build_module(recipe: Recipe, fold: Fold, number: int, seed: int) -> BinaryClassifier:
    """Return the Lightning module of one fold before its training."""
    backbone = recipe.parts.model()
    if recipe.parts.cv.start_from is not None:
        weights = start_weights(Path(recipe.parts.cv.start_from), number, backbone)
        backbone.network.load_state_dict(weights)
        backbone.is_pretrained, backbone.starts_from_patches = True, False
    loss = recipe.parts.loss(class_counts(recipe.labels[fold.fit]))
    kind = BinaryClassifier if recipe.teacher is None else Student
    module = kind(
        backbone, loss, recipe.parts.optim, recipe.parts.cv.threshold, seed, recipe.metadata, number
    )
    if isinstance(module, Student):
        assert recipe.teacher is not None
        module.teacher = recipe.teacher
    return module


def training_callbacks(
    task: FoldTask, module: BinaryClassifier, sampler: IndexSampler
) -> list[L.Callback]:
    """Return the callbacks that change how a fold is trained, in the order in which they run."""
    recipe = task.recipe
    return [
        SilenceWarnings(),
        EndOnSigterm(),
        CompileNetwork(recipe.parts.compile_mode),
        Progress(),
        *weight_callbacks(recipe.parts.optim, module.backbone.is_pretrained),
        EstimateSlowNorms(task.seed),  # of averaged weights, if there are any
        Feedback(sampler, task.fold.fit),
    ]


def epoch_lines(task: FoldTask, record: EpochRecord) -> EpochLines:
    """Return the callback that logs the epochs which `record` has written."""
    dev, test = len(task.fold.dev), len(task.fold.test)
    return EpochLines(task.place, dev, test, task.recipe.parts.batch_size, record, task.run)


def weight_callbacks(optim: OptimizerRecipe, is_pretrained: bool) -> list[L.Callback]:
    """Return the callbacks that freeze and average weights, if the recipe asks for it.

    >>> import torch
    >>> optim = OptimizerRecipe(torch.optim.SGD, lr=0.1, frozen=0.5, ema=0.99)
    >>> [type(callback).__name__ for callback in weight_callbacks(optim, is_pretrained=True)]
    ['UnfreezeBackbone', 'MovingAverage']
    >>> [type(callback).__name__ for callback in weight_callbacks(optim, is_pretrained=False)]
    ['MovingAverage']
    """
    callbacks: list[L.Callback] = []
    # Freezing random weights would preserve nothing.
    if optim.frozen > 0 and is_pretrained:
        callbacks.append(UnfreezeBackbone(optim.freezing))
    if optim.ema is not None:
        callbacks.append(MovingAverage(optim.ema))
    return callbacks


def build_datamodule(task: FoldTask, sampler: IndexSampler, several: bool) -> FoldDataModule:
    """Return the data module of one fold; `several`: for several devices."""
    recipe = task.recipe
    augment = augmentation_of_fold(
        recipe.parts.augment, task.seed, class_counts(recipe.labels[task.fold.fit])
    )
    pixels = recipe.pixels if several else recipe.resident
    return FoldDataModule(
        pixels, recipe.labels, task.fold, sampler, augment, recipe.parts.batch_size
    )


def initialize_module(task: FoldTask, module: BinaryClassifier) -> None:
    """Fit to the fit part whatever no gradient trains."""
    recipe = task.recipe
    initialize(
        module.backbone,
        module.probe,
        recipe.pixels,
        recipe.labels,
        task.fold.fit,
        recipe.parts.device,
        recipe.parts.precision,
        task.seed,
    )
