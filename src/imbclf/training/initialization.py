"""Fit filters, one-class heads and probes before the first epoch, without gradients."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imbclf.data.stratified import balanced_sample
from imbclf.models.backbone import Backbone
from imbclf.models.heads import OneClassHead, minority_label
from imbclf.models.patch_init import start_from_patches
from imbclf.models.probes.base import SIZE, Probe
from imbclf.training.features import (
    estimate_batchnorm_statistics,
    extract_features,
    map_batches,
)

FILTER_SAMPLE = 1000  # images that filters are drawn from


def initialize(
    backbone: Backbone,
    probe: Probe | None,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    rows: NDArray[np.int64],
    device: torch.device,
    precision: str | int,
    seed: int,
) -> None:
    """Fit to the fit part whatever no gradient trains.

    Args:
        backbone: is moved to `device`; its modes (training, evaluation) are kept.
        probe: of the backbone, or None.
        pixels: uint8 `[N, H, W, 3]`; a memory map works.
        labels: int64 `[N]`.
        rows: int64, the fit part.
        device: where to compute.
        precision: a resolved Lightning precision.
        seed: of the images that are drawn, if not all are used.
    """
    prepare_filters(backbone, pixels, labels, rows, device, precision, seed)
    prepare_head(backbone, pixels, labels, rows, device, precision, seed)
    if probe is not None:
        prepare_probe(probe, backbone, pixels, labels, rows, device, precision, seed)


def prepare_filters(
    backbone: Backbone,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    rows: NDArray[np.int64],
    device: torch.device,
    precision: str | int,  # noqa: ARG001
    seed: int,
) -> None:
    """Draw the first convolution's filters from patches of the fit part, if requested.

    Arguments as for `initialize`.
    """
    if backbone.starts_from_patches:
        backbone.to(device)
        sample = _filter_sample(backbone, pixels, labels, rows, seed)
        start_from_patches(backbone.network, sample, seed)


def prepare_head(
    backbone: Backbone,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    rows: NDArray[np.int64],
    device: torch.device,
    precision: str | int,
    seed: int,
) -> None:
    """Fit a one-class head to features of the fit part; do nothing for other heads.

    Arguments as for `initialize`. Memory is bounded by the number of images that the head samples.
    """
    head = backbone.head
    if not isinstance(head, OneClassHead):
        return
    backbone.to(device)
    training = {module: module.training for module in backbone.modules()}
    estimate_batchnorm_statistics(backbone, pixels, rows, device, seed)
    sample = rows[head.sample(labels[rows], seed)]
    features = extract_features(backbone, pixels, sample, device, precision)
    head.prepare(features, minority_label(labels[rows]))
    for module, mode in training.items():
        module.training = mode


def prepare_probe(
    probe: Probe,
    backbone: Backbone,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    rows: NDArray[np.int64],
    device: torch.device,
    precision: str | int,
    seed: int,
) -> None:
    """Fit a probe to images of the fit part and their mirror images.

    Arguments as for `initialize`.
    """
    backbone.to(device)
    probe.to(device)
    chosen = rows[balanced_sample(labels[rows], SIZE, seed)]
    with torch.no_grad():
        sample = _filter_sample(backbone, pixels, labels, rows, seed)
        probe.learn_features(backbone.network, sample, seed)

    def describe(images: Tensor) -> Tensor:
        return probe.describe(backbone.normalize(images))

    def describe_mirrored(images: Tensor) -> Tensor:
        return describe(images.flip(2))

    views = (describe, describe_mirrored)
    parts = [map_batches(view, pixels, chosen, device, precision) for view in views]
    probe.fit(torch.cat(parts), np.tile(labels[chosen], 2))


@torch.no_grad()
def _filter_sample(
    backbone: Backbone,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    rows: NDArray[np.int64],
    seed: int,
) -> Tensor:
    """Return normalized images of the fit part, as many of label 0 as of label 1."""
    few = np.sort(rows[balanced_sample(labels[rows], FILTER_SAMPLE, seed)])
    return backbone.normalize(torch.from_numpy(pixels[few]).to(backbone.scale.device))
