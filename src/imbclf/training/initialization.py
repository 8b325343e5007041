"""What happens to a backbone before its first epoch: what no gradient trains is fitted."""

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from imbclf.data.stratified import balanced_sample
from imbclf.models.backbone import Backbone
from imbclf.models.heads import OneClassHead, minority_label
from imbclf.models.patch_init import start_from_patches
from imbclf.models.probes.base import SIZE
from imbclf.prediction.scoring import autocast_to

BATCH = 256
SETTLING = 2048  # images that fresh normalizations look at
DESCRIBED = 1000  # images that filters are drawn from


def prepare_head(
    backbone: Backbone,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    rows: NDArray[np.int64],
    device: torch.device,
    precision: str | int,
    seed: int,
) -> None:
    """Fit a one-class head to features of the fit part; other heads need nothing.

    Memory is bounded by the number of images that the head asks for.

    Args:
        backbone: ends up on `device`, with the modes (training, evaluation) that it had.
        pixels: uint8 `[N, H, W, 3]`; a memory map serves.
        labels: int64 `[N]`.
        rows: int64, the fit part.
        device: where to compute.
        precision: a resolved Lightning precision.
        seed: which images of the majority the head looks at, where it is not all.
    """
    head = backbone.head
    if not isinstance(head, OneClassHead):
        return
    backbone.to(device)
    training = {module: module.training for module in backbone.modules()}
    settle_norms(backbone, pixels, rows, device, seed)
    sample = rows[head.sample(labels[rows], seed)]
    features = extract_features(backbone, pixels, sample, device, precision)
    head.prepare(features, minority_label(labels[rows]))
    for module, mode in training.items():
        module.training = mode


def prepare_filters(
    backbone: Backbone,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    rows: NDArray[np.int64],
    device: torch.device,
    precision: str | int,  # noqa: ARG001
    seed: int,
) -> None:
    """Start the first convolution from patches of the fit part, where the backbone asks for it.

    Arguments as for `prepare_head`.
    """
    if backbone.starts_from_patches:
        backbone.to(device)
        start_from_patches(backbone.network, _some(backbone, pixels, labels, rows, seed), seed)


def prepare_probe(
    backbone: Backbone,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    rows: NDArray[np.int64],
    device: torch.device,
    precision: str | int,
    seed: int,
) -> None:
    """Fit the probe, where there is one, to images of the fit part and their mirror images.

    Arguments as for `prepare_head`.
    """
    probe = backbone.probe
    if probe is None:
        return
    backbone.to(device)
    chosen = rows[balanced_sample(labels[rows], SIZE, seed)]
    with torch.no_grad():
        some = _some(backbone, pixels, labels, rows, seed)
        probe.learn_features(backbone.network, some, seed)

    def straight(images: Tensor) -> Tensor:
        return probe.describe(backbone.normalize(images))

    def mirrored(images: Tensor) -> Tensor:
        return straight(images.flip(2))

    parts = [
        _over_batches(view, pixels, chosen, device, precision) for view in (straight, mirrored)
    ]
    probe.fit(torch.cat(parts), np.tile(labels[chosen], 2))


@torch.no_grad()
def _some(
    backbone: Backbone,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    rows: NDArray[np.int64],
    seed: int,
) -> Tensor:
    """Return some images of the fit part, both labels alike, as they enter the network."""
    few = np.sort(rows[balanced_sample(labels[rows], DESCRIBED, seed)])
    return backbone.normalize(torch.from_numpy(pixels[few]).to(backbone.scale.device))


def extract_features(
    backbone: Backbone,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.int64],
    device: torch.device,
    precision: str | int = "32-true",
) -> Tensor:
    """Return what enters the head, float32 `[len(rows), D]`, for some rows, in evaluation mode."""
    return _over_batches(backbone.eval().features, pixels, rows, device, precision)


@torch.no_grad()
def _over_batches(
    describe: Callable[[Tensor], Tensor],
    pixels: NDArray[np.uint8],
    rows: NDArray[np.int64],
    device: torch.device,
    precision: str | int,
) -> Tensor:
    parts = []
    for batch in _batches(rows):
        with autocast_to(precision, device):
            parts.append(describe(torch.from_numpy(pixels[batch]).to(device)).float())
    return torch.cat(parts)


@torch.no_grad()
def settle_norms(
    backbone: Backbone,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.int64],
    device: torch.device,
    seed: int,
) -> None:
    """Let batch normalizations that never saw a batch estimate mean and variance.

    Until then they pass on what they are given, which random weights make vanish or grow from layer
    to layer: features of 1e-6, say, that say nothing of those in training. Trained ones are left
    as they are.
    """
    norms = [module for module in backbone.modules() if isinstance(module, _BatchNorm)]
    fresh = [norm for norm in norms if _is_fresh(norm)]
    if not fresh:
        return
    order = np.random.default_rng(seed).permutation(rows)[:SETTLING]
    backbone.eval()
    momenta = [norm.momentum for norm in fresh]
    for norm in fresh:
        norm.momentum = None  # the mean over all batches
        norm.train()
    for batch in _batches(order):
        backbone.features(torch.from_numpy(pixels[batch]).to(device))
    for norm, momentum in zip(fresh, momenta, strict=True):
        norm.momentum = momentum


def _is_fresh(norm: _BatchNorm) -> bool:
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None:
        return False
    return not mean.any() and bool((variance == 1).all())


def _batches(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Cut rows into batches of equal size, up to one."""
    return np.array_split(rows, math.ceil(len(rows) / BATCH))
