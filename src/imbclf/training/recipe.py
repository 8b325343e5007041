"""All that the folds of one experiment are trained with, as plain parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from imbclf.augment import Augmentation
from imbclf.augment.tta import Tta, check_tta
from imbclf.data.device_cache import Pixels, cache_on_device
from imbclf.errors import UserError
from imbclf.metrics.thresholds import Method
from imbclf.models.backbone import Backbone
from imbclf.samplers import IndexSampler
from imbclf.training.checkpoint_callback import Select
from imbclf.training.optim import OptimizerRecipe

CompileMode = Literal["default", "reduce-overhead", "max-autotune"]


@dataclass(frozen=True)
class CrossValidation:
    """How the data is split and what is chosen on the dev parts.

    Args:
        folds: K, at least 2.
        fold: train only this one, 0 to R K - 1; None trains all.
        repeats: R, how many times the images are divided, each time by the next seed.
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
    repeats: int = 1

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise UserError(f"cv.repeats={self.repeats}: expected 1 or more")
        if self.fold is not None and not 0 <= self.fold < self.models:
            raise UserError(
                f"cv.fold={self.fold}: expected 0 to {self.models - 1}, or null for all"
            )
        for name, value, known in (
            ("select", self.select, ("hter", "auroc", "loss", "last")),
            ("threshold", self.threshold, ("min_hter", "smoothed", "bayes")),
        ):
            if value not in known:
                raise UserError(f"cv.{name}={value}: expected one of {', '.join(known)}")
        check_tta("cv.tta", self.tta)

    @property
    def models(self) -> int:
        """Return the number of folds in all repeats, R K."""
        return self.folds * self.repeats

    @property
    def trained(self) -> Sequence[int]:
        """Return the numbers of the folds to train; fold k of repeat r is number r K + k."""
        return range(self.models) if self.fold is None else [self.fold]


@dataclass(frozen=True)
class Recipe:
    """All that a fold is trained with, and nothing about where it lies.

    Attributes:
        pixels: uint8 `[N, H, W, 3]`.
        labels: int64 `[N]`.
        files: str `[N]`.
        groups: str `[N]`, which images depend on each other, or None.
        label_names: the user's spelling of label 0 and label 1.
        backbone: makes the network.
        loss: makes the loss of the fit part's class counts (n0, n1).
        sampler: makes the sampler of the fit part's labels and a seed.
        optim: the optimizer and its schedule.
        trainer: makes Lightning's trainer of callbacks, plugins and a root folder.
        precision: Lightning's precision, resolved.
        compile_mode: of `torch.compile`, which the network is trained through; None for none.
        device: where dev and test parts are scored.
        augment: what training batches go through.
        batch_size: images per step.
        cv: the protocol.
        seed: with a fold's number, all that the fold draws from.
        resident: the pixels, on the device if they fit there.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    files: NDArray[np.str_]
    groups: NDArray[np.str_] | None
    label_names: tuple[str, str]
    backbone: Callable[[], Backbone]
    loss: Callable[[tuple[int, int]], nn.Module]
    sampler: Callable[[NDArray[np.int64], int], IndexSampler]
    optim: OptimizerRecipe
    trainer: Callable[..., L.Trainer]
    precision: str | int
    compile_mode: CompileMode | None
    device: torch.device
    augment: Augmentation
    batch_size: int
    cv: CrossValidation
    seed: int
    card: dict[str, Any] = field(init=False)
    resident: Pixels = field(init=False)

    def __post_init__(self) -> None:
        image_size = [int(side) for side in self.pixels.shape[1:3]]
        names = [str(name) for name in self.label_names]
        object.__setattr__(self, "resident", cache_on_device(self.pixels, self.device))
        object.__setattr__(self, "card", {"image_size": image_size, "label_names": names})
