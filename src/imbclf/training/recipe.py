"""The parts of an experiment, and the parts together with the decoded images."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import lightning as L
import numpy as np
import torch
from lightning.pytorch.loggers import Logger
from numpy.typing import NDArray
from torch import nn

from imbclf.augment import Augmentation, OwnAugmentation
from imbclf.data.batch_size import LARGEST
from imbclf.data.dataset import LabelledFolder
from imbclf.data.device_cache import Pixels
from imbclf.data.listing import Listing
from imbclf.data.pixel_options import SIXTEEN_BITS, PixelOptions
from imbclf.models.backbone import Backbone
from imbclf.prediction.manifest import stored_pixel_options
from imbclf.prediction.scoring import scoring_precision
from imbclf.samplers import IndexSampler
from imbclf.training.cross_validation import CrossValidation
from imbclf.training.datamodule import SCORING_FACTOR
from imbclf.training.distillation.student import Teacher
from imbclf.training.embedding import Embedding, embed_images
from imbclf.training.optim import OptimizerRecipe
from imbclf.training.time_limit import Deadline

CompileMode = Literal["default", "reduce-overhead", "max-autotune"]


@dataclass(frozen=True)
class ExperimentParts:
    """The parts of an experiment, before anything is called or read.

    Attributes:
        data: the labeled images.
        augment: applied to training batches.
        model: returns the backbone.
        loss: returns the loss for the class counts (n0, n1) of a fit part.
        sampler: returns the sampler for the labels of a fit part and a seed.
        optim: the optimizer and its schedule.
        trainer: returns Lightning's trainer, called with callbacks, plugins and a root folder.
        cv: the protocol of cross-validation.
        seed: with a fold's number, the seed of the fold.
        precision: Lightning's precision, or `auto`.
        compile_mode: of `torch.compile`; None does not compile the network.
        device: where dev and test parts are scored.
        callbacks: returns the user's own for one fold; they run after ours and before the
            checkpoint is saved, which holds their states.
        loggers: returns Lightning's loggers for a run directory and a fold.
        deadline: when results are due; None for no time limit.
    """

    data: LabelledFolder
    augment: Augmentation | OwnAugmentation
    model: Callable[[], Backbone]
    loss: Callable[[tuple[int, int]], nn.Module]
    sampler: Callable[[NDArray[np.int64], int], IndexSampler]
    optim: OptimizerRecipe
    trainer: Callable[..., L.Trainer]
    cv: CrossValidation
    seed: int
    precision: str | int
    compile_mode: CompileMode | None
    device: torch.device
    callbacks: Callable[[], list[L.Callback]] = list
    loggers: Callable[[Path, int], list[Logger]] = lambda _run, _fold: []
    deadline: Deadline | None = None

    @property
    def batch_size(self) -> int:
        """Images of a training step, on each device; left open, it is settled by `prepare`."""
        return self.data.batch_size or LARGEST

    @property
    def scoring_batch_size(self) -> int:
        """Images at once where no gradients are computed."""
        return SCORING_FACTOR * self.batch_size

    @property
    def scoring(self) -> tuple[torch.device, str | int, int]:
        """Where, in which precision and how many images at once a finished predictor scores."""
        return self.device, scoring_precision(self.precision), self.scoring_batch_size


@dataclass(frozen=True)
class Recipe:
    """All that a fold is trained with.

    Attributes:
        parts: with a resolved precision.
        listing: the labeled images.
        pixels: uint8 `[N, H, W, 3]`.
        resident: the pixels, on the device if they fit there.
        pixel_options: how the images were decoded, the depth as it was judged.
        is_frozen: whether the head is fitted to features of a network that is not trained.
        teacher: the fold models that a student learns from; None trains on labels alone.
    """

    parts: ExperimentParts
    listing: Listing
    pixels: NDArray[np.uint8]
    resident: Pixels
    pixel_options: PixelOptions = SIXTEEN_BITS
    is_frozen: bool = False
    teacher: Teacher | None = None

    @cached_property
    def embedding(self) -> Embedding:
        """The images as the frozen network sees them, embedded when they are first asked for."""
        parts = self.parts
        return embed_images(
            parts.model,
            self.pixels,
            self.resident,
            Path(parts.data.cache_dir),
            parts.device,
            parts.precision,
            parts.scoring_batch_size,
            parts.cv.tta,
            parts.seed,
        )

    @property
    def labels(self) -> NDArray[np.int64]:
        """Labels, int64 `[N]`."""
        return self.listing.known_labels

    @property
    def metadata(self) -> dict[str, Any]:
        """Image size, depth, resizing mode and label names, which prediction needs."""
        return {
            "image_size": [int(side) for side in self.pixels.shape[1:3]],
            "label_names": [str(name) for name in self.listing.label_names],
            **stored_pixel_options(self.pixel_options),
        }
