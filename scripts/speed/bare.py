"""The ceiling: forward, backward and optimizer step on a batch that is already there."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from imbclf.models.backbone import Backbone
from imbclf.models.build import build_backbone
from imbclf.prediction.scoring import autocast_to, resolve_precision

WARM_UP = 2  # steps that are not counted: libraries choose their kernels in the first


@dataclass(frozen=True)
class Setting:
    """What all loops share.

    Attributes:
        model: a torchvision classifier.
        batch: images per step.
        precision: a resolved Lightning precision, of bare and imbclf; typical is float32.
        device: where to compute.
    """

    model: str
    batch: int
    precision: str | int
    device: torch.device


def setting(model: str, batch: int, precision: str | int, device: torch.device) -> Setting:
    """Return a setting; the precision `auto` becomes what imbclf would choose for the model."""
    network = build_backbone(model).network
    return Setting(model, batch, resolve_precision(precision, device, network), device)


def cuts(images: int, batch: int, even: bool) -> list[int]:
    """Return the sizes of the batches: as even as can be, or whole ones and a rest.

    >>> cuts(10, 4, even=True), cuts(10, 4, even=False)
    ([4, 3, 3], [4, 4, 2])
    """
    if even:
        parts = -(-images // batch)
        return [images // parts + (part < images % parts) for part in range(parts)]
    return [min(batch, images - start) for start in range(0, images, batch)]


@contextmanager
def stopwatch(device: torch.device) -> Iterator[list[float]]:
    """Return a list that holds the seconds when the context is left, the device's work included."""
    seconds: list[float] = []
    _wait(device)
    began = time.perf_counter()
    yield seconds
    _wait(device)
    seconds.append(time.perf_counter() - began)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class Bare:
    """Steps on one resident batch in the form that imbclf's network gets it, and nothing else."""

    def __init__(
        self, setting: Setting, shape: tuple[int, int], channels_last: bool | None = None
    ) -> None:
        self.setting = setting
        self.backbone: Backbone = build_backbone(setting.model).to(setting.device)
        # Scoring takes batches of twice the size.
        size = (2 * setting.batch, *shape, 3)
        noise = torch.randint(0, 256, size, dtype=torch.uint8, device=setting.device)
        with self._autocast():
            self.images: Tensor = self.backbone.normalize(noise)
        if channels_last is not None:
            form = torch.channels_last if channels_last else torch.contiguous_format
            self.backbone.to(memory_format=form)
            self.images = self.images.contiguous(memory_format=form)
        self.targets = torch.randint(0, 2, (len(noise),), device=setting.device).float()
        self.loss = nn.BCEWithLogitsLoss()
        self.optimizer = torch.optim.Adam(self.backbone.parameters(), lr=1e-3, fused=True)

    def train(self, images: int) -> float:
        """Take the steps of an epoch of so many images; return the seconds."""
        self.backbone.train()
        sizes = cuts(images, self.setting.batch, even=True)
        for size in sizes[:1] * WARM_UP:
            self._step(size)
        with stopwatch(self.setting.device) as seconds:
            for size in sizes:
                self._step(size)
        return seconds[0]

    @torch.inference_mode()
    def score(self, images: int, batch: int) -> float:
        """Score so many images; return the seconds."""
        self.backbone.eval()
        sizes = cuts(images, batch, even=False)
        for size in sizes[:1] * WARM_UP:
            self._logits(size)
        with stopwatch(self.setting.device) as seconds:
            for size in sizes:
                self._logits(size)
        return seconds[0]

    def _step(self, size: int) -> None:
        loss = self.loss(self._logits(size), self.targets[:size])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def _logits(self, size: int) -> Tensor:
        with self._autocast():
            features = self.backbone.network(self.images[:size])
        logits: Tensor = self.backbone.head(features.float())
        return logits

    def _autocast(self) -> AbstractContextManager[object]:
        return autocast_to(self.setting.precision, self.setting.device)
