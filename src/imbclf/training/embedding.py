"""All images of an experiment as a frozen network sees them, computed once for all folds."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imbclf.augment.tta import Tta
from imbclf.data.device_cache import Pixels
from imbclf.data.embedding_cache import cached_embeddings, embedding_key
from imbclf.models.backbone import Backbone
from imbclf.prediction.scoring import score_images

log = logging.getLogger("imbclf")


@dataclass(frozen=True, eq=False)
class Embedding:
    """Images embedded by a frozen network.

    Attributes:
        backbone: whose network is frozen; its head is not fitted.
        features: float32 `[N, D]`, what enters the head, averaged over the views of each image.
    """

    backbone: Backbone
    features: NDArray[np.float32]


class _Features(nn.Module):
    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> Tensor:
        return self.backbone.features(images)


def embed_images(
    build: Callable[[], Backbone],
    pixels: NDArray[np.uint8],
    resident: Pixels,
    cache_dir: Path,
    device: torch.device,
    precision: str | int,
    batch_size: int,
    tta: Tta,
    seed: int,
) -> Embedding:
    """Embed all images, or read what is cached of the same images, network and preprocessing.

    Args:
        build: returns the backbone.
        pixels: uint8 `[N, H, W, 3]`; a memory map works.
        resident: the same, on the device if they fit there.
        cache_dir: folder of the caches.
        device: where to compute.
        precision: a resolved Lightning precision.
        batch_size: images at once.
        tta: the views of an image that are averaged.
        seed: of the weights of a network that has none.

    Raises:
        UserError: the cache folder cannot be written to.
    """
    L.seed_everything(seed, verbose=False)
    backbone = build()
    key = embedding_key(pixels, _weights(backbone), _preprocessing(backbone, precision, tta))
    began = time.perf_counter()

    def embed() -> NDArray[np.float32]:
        rows = np.arange(len(pixels))
        options = (device, precision, batch_size, tta, "embedding")
        return score_images(_Features(backbone), resident, rows, *options).astype(np.float32)

    features = cached_embeddings(cache_dir, key, len(pixels), embed)
    seconds, (count, width) = time.perf_counter() - began, features.shape
    log.info(
        "embedded %d images, %d features of each, by the %s as it is: a regression on them is all "
        "that is fitted (%.0f s)",
        *(count, width, backbone.architecture["name"], seconds),
    )
    return Embedding(backbone, features)


def _weights(backbone: Backbone) -> Iterator[bytes]:
    for name, tensor in backbone.network.state_dict().items():
        yield name.encode()
        yield tensor.cpu().numpy().tobytes()


def _preprocessing(backbone: Backbone, precision: str | int, tta: Tta) -> str:
    described = {key: value for key, value in backbone.architecture.items() if key != "license"}
    return repr((sorted(described.items()), backbone.stages, str(precision), tta))
