"""Extract features of many images from a backbone, trained or not."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from imbclf.data.device_cache import Pixels, take_images
from imbclf.models.backbone import Backbone
from imbclf.prediction.scoring import autocast_to

BATCH = 256
BATCHNORM_SAMPLE = 2048  # images


def extract_features(
    backbone: Backbone,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.int64],
    device: torch.device,
    precision: str | int = "32-true",
) -> Tensor:
    """Return the inputs of the head, float32 `[len(rows), D]`, in evaluation mode."""
    return map_batches(backbone.eval().features, pixels, rows, device, precision)


@torch.no_grad()
def map_batches(
    function: Callable[[Tensor], Tensor],
    pixels: NDArray[np.uint8],
    rows: NDArray[np.int64],
    device: torch.device,
    precision: str | int,
) -> Tensor:
    """Apply a function to rows of an image array in batches; return float32 `[len(rows), ...]`.

    Args:
        function: of uint8 images `[B, H, W, 3]` on the device.
        pixels: uint8 `[N, H, W, 3]`; a memory map works.
        rows: int64.
        device: where to compute.
        precision: a resolved Lightning precision.

    >>> images = np.arange(3, dtype=np.uint8)[:, None, None, None].repeat(3, 3)
    >>> cpu = torch.device("cpu")
    >>> map_batches(lambda batch: batch[:, 0, 0, 0], images, np.array([2, 0]), cpu, "32-true")
    tensor([2., 0.])
    """
    parts = []
    for batch in _batches(rows):
        with autocast_to(precision, device):
            parts.append(function(torch.from_numpy(pixels[batch]).to(device)).float())
    return torch.cat(parts)


def estimate_batchnorm_statistics(
    backbone: Backbone,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.int64],
    device: torch.device,
    seed: int,
) -> None:
    """Estimate mean and variance of batch norms without statistics.

    Without them, activations of random weights vanish or explode from layer to layer, unlike in
    training. Batch norms with statistics stay unchanged.

    Args:
        backbone: is put in evaluation mode, except these batch norms.
        pixels: uint8 `[N, H, W, 3]`; a memory map works.
        rows: int64, the fit part.
        device: where to compute.
        seed: of the images that are drawn.
    """
    norms = [module for module in backbone.modules() if isinstance(module, _BatchNorm)]
    fresh = [norm for norm in norms if _is_fresh(norm)]
    estimate_statistics(backbone, fresh, pixels, rows, device, seed)


@torch.no_grad()
def estimate_statistics(
    backbone: Backbone,
    norms: Sequence[_BatchNorm],
    pixels: Pixels,
    rows: NDArray[np.int64],
    device: torch.device,
    seed: int,
) -> None:
    """Replace the statistics of some batch norms by those of 2,048 images, or of all if fewer.

    Args:
        backbone: is put in evaluation mode; `norms` remain in training mode.
        norms: some of its batch norms.
        pixels: uint8 `[N, H, W, 3]`, an array, a memory map or a tensor.
        rows: int64, to draw images from.
        device: where to compute.
        seed: of the images that are drawn.
    """
    if not norms:
        return
    order = np.random.default_rng(seed).permutation(rows)[:BATCHNORM_SAMPLE]
    backbone.eval()
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
        norm.train()
    for batch in _batches(order):
        backbone.features(take_images(pixels, batch).to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _is_fresh(norm: _BatchNorm) -> bool:
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None:
        return False
    return not mean.any() and bool((variance == 1).all())


def _batches(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Cut rows into batches of equal size, up to one."""
    return np.array_split(rows, math.ceil(len(rows) / BATCH))
