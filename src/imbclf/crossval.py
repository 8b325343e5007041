"""Train the folds of one experiment and collect what each says of images it never saw."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from imbclf.augment import Augmentation, FoldAugmentation
from imbclf.backbones import Backbone
from imbclf.callbacks import (
    BEST,
    LAST,
    METRICS,
    EpochBar,
    EpochRecord,
    KeepBest,
    MovingAverage,
    Progress,
    Select,
    Thaw,
    WholeCheckpointIO,
)
from imbclf.datamodule import FoldDataModule
from imbclf.decisions import DecisionRule, decision_rule
from imbclf.errors import UserError
from imbclf.feedback import Feedback
from imbclf.module import BinaryClassifier
from imbclf.optim import OptimizerRecipe
from imbclf.predictor import read_checkpoint, save_member
from imbclf.preparation import prepare_head
from imbclf.runs import FoldResult, fold_folder, write_fold
from imbclf.samplers import IndexSampler
from imbclf.scoring import score_images
from imbclf.splits import Fold
from imbclf.thresholds import Method, choose_threshold
from imbclf.tracking import Tracker
from imbclf.transfer import start_weights
from imbclf.views import Tta, check_tta


@dataclass(frozen=True)
class CrossValidation:
    """How the data is split and what is chosen on the dev parts.

    Args:
        folds: K, at least 2.
        fold: train only this one, 0 to K-1; None trains all.
        dev_fraction: share of the whole data set that each fold sets aside to choose on.
        select: by what on dev the epoch is chosen.
        threshold: how the decision threshold is chosen on dev.
        tta: how dev and test images are viewed once the epoch is chosen, and new ones by default.
        start_from: run directory with the same splits; each fold's backbone starts from what the
            same fold of that run came to, with a new head.

    Raises:
        UserError: where a value is out of range.
    """

    folds: int = 5
    fold: int | None = None
    dev_fraction: float = 0.1
    select: Select = "auroc"
    threshold: Method = "smoothed"
    tta: Tta = "none"
    start_from: str | None = None

    def __post_init__(self) -> None:
        if self.fold is not None and not 0 <= self.fold < self.folds:
            raise UserError(f"cv.fold={self.fold}: expected 0 to {self.folds - 1}, or null for all")
        for name, value, known in (
            ("select", self.select, ("hter", "auroc", "loss", "last")),
            ("threshold", self.threshold, ("min_hter", "smoothed", "bayes")),
        ):
            if value not in known:
                raise UserError(f"cv.{name}={value}: expected one of {', '.join(known)}")
        check_tta("cv.tta", self.tta)

    @property
    def trained(self) -> Sequence[int]:
        """Give the numbers of the folds to train."""
        return range(self.folds) if self.fold is None else [self.fold]


@dataclass(frozen=True)
class Recipe:
    """All that a fold is trained with, and nothing about where it lies.

    Attributes:
        pixels: uint8 `[N, H, W, 3]`; labels: int64 `[N]`; files: str `[N]`.
        label_names: the user's spelling of label 0 and label 1.
        backbone: makes the network.
        loss: makes the loss of the fit part's class counts (n0, n1).
        sampler: makes the sampler of the fit part's labels and a seed.
        optim: the optimiser and its schedule.
        trainer: makes Lightning's trainer of callbacks, plugins and a root folder.
        precision: Lightning's precision, resolved.
        device: where dev and test parts are scored.
        augment: what training batches go through.
        batch_size: images per step.
        cv: the protocol.
        seed: with a fold's number, all that the fold draws from.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    files: NDArray[np.str_]
    label_names: tuple[str, str]
    backbone: Callable[[], Backbone]
    loss: Callable[[tuple[int, int]], nn.Module]
    sampler: Callable[[NDArray[np.int64], int], IndexSampler]
    optim: OptimizerRecipe
    trainer: Callable[..., L.Trainer]
    precision: str | int
    device: torch.device
    augment: Augmentation
    batch_size: int
    cv: CrossValidation
    seed: int
    card: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        image_size = [int(side) for side in self.pixels.shape[1:3]]
        names = [str(name) for name in self.label_names]
        object.__setattr__(self, "card", {"image_size": image_size, "label_names": names})


def class_counts(labels: NDArray[np.int64]) -> tuple[int, int]:
    """Count the labels 0 and 1.

    >>> class_counts(np.array([1, 1, 0]))
    (1, 2)
    """
    zero, one = np.bincount(labels, minlength=2)
    return int(zero), int(one)


def train_fold(recipe: Recipe, fold: Fold, number: int, run: Path, tracker: Tracker) -> FoldResult:
    """Train one fold, choose its epoch and threshold on dev, score its test part once.

    A fold that was broken off in an earlier run goes on from its last whole epoch. With
    `trainer.max_epochs=0` the head is prepared and judged, and that is all.
    """
    folder = fold_folder(run, number)
    folder.mkdir(parents=True, exist_ok=True)
    seed = int(np.random.default_rng([recipe.seed, number]).integers(2**31))
    L.seed_everything(seed, verbose=False)
    counts = class_counts(recipe.labels[fold.fit])
    backbone = recipe.backbone()
    if recipe.cv.start_from is not None:
        weights = start_weights(Path(recipe.cv.start_from), number, backbone)
        backbone.network.load_state_dict(weights)
        backbone.is_pretrained = True
    module = BinaryClassifier(
        backbone,
        recipe.loss(counts),
        recipe.optim,
        recipe.cv.threshold,
        seed,
        recipe.card,
    )
    sampler = recipe.sampler(recipe.labels[fold.fit], seed)
    augment = FoldAugmentation(recipe.augment, seed, counts)
    datamodule = FoldDataModule(
        recipe.pixels, recipe.labels, fold, sampler, augment, recipe.batch_size
    )
    tracker.start_fold(number)
    record = EpochRecord(folder / METRICS, tracker.log_epoch)
    keep = KeepBest(folder, recipe.cv.select)
    before = len(record.rows)
    trainer = recipe.trainer(
        callbacks=[
            Progress(),
            *_weight_callbacks(recipe.optim),
            Feedback(sampler, fold.fit),
            record,
            EpochBar(f"fold {number + 1}/{recipe.cv.folds}"),
            keep,
        ],
        plugins=[WholeCheckpointIO()],
        default_root_dir=run,
    )
    started = time.perf_counter()
    last = folder / LAST
    if not last.exists():
        images, rows = (recipe.pixels, recipe.labels), fold.fit
        prepare_head(module.backbone, *images, rows, recipe.device, recipe.precision, seed)
    if trainer.max_epochs == 0:
        trainer.validate(module, datamodule=datamodule, verbose=False)
        for callback in (record, keep):
            callback.on_train_epoch_end(trainer, module)
    else:
        trainer.fit(
            module,
            datamodule=datamodule,
            ckpt_path=last if last.exists() else None,
            weights_only=True,
        )
    seconds = time.perf_counter() - started
    epochs = len(record.rows) - before if trainer.max_epochs else 0
    card, weights = read_checkpoint(folder / BEST)
    module.backbone.load_state_dict(weights)
    result = _judge(recipe, fold, number, card, module.backbone, seconds, epochs * len(sampler))
    deployed = {**card, **_deployed_rule(recipe, fold, result)}
    save_member(run / "predictor", number, deployed, weights, recipe.cv.tta)
    write_fold(run, result, fold, recipe.files, recipe.labels)
    last.unlink(missing_ok=True)
    return result


def _weight_callbacks(optim: OptimizerRecipe) -> list[L.Callback]:
    callbacks: list[L.Callback] = []
    if optim.frozen > 0:
        callbacks.append(Thaw(optim.freezing))
    if optim.ema is not None:
        callbacks.append(MovingAverage(optim.ema))
    return callbacks


def _deployed_rule(recipe: Recipe, fold: Fold, result: FoldResult) -> DecisionRule:
    """Choose the predictor's threshold on dev and test: on three times as many images as on dev.

    The network was fitted on neither. What is reported of test keeps the threshold chosen on dev.
    """
    logits = np.concatenate([result.dev_logits, result.test_logits])
    labels = recipe.labels[np.concatenate([fold.dev, fold.test])]
    return decision_rule(logits, labels, recipe.cv.threshold)


def _judge(
    recipe: Recipe,
    fold: Fold,
    number: int,
    card: Mapping[str, Any],
    backbone: Backbone,
    seconds: float,
    trained: int,
) -> FoldResult:
    """Score dev and test with the weights of the chosen epoch; choose the threshold on dev."""
    dev, test = (
        score_images(
            backbone, recipe.pixels, rows, recipe.device, recipe.precision, tta=recipe.cv.tta
        )
        for rows in (fold.dev, fold.test)
    )
    return FoldResult(
        fold=number,
        epoch=int(card["epoch"]),
        threshold=choose_threshold(dev, recipe.labels[fold.dev], recipe.cv.threshold),
        seconds=seconds,
        images_per_second=trained / seconds,
        dev_logits=dev,
        test_logits=test,
    )
