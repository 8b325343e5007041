"""The logits that the fold models of an ensemble have of images."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from imbclf.augment.tta import Tta, check_tta, check_views
from imbclf.errors import UserError
from imbclf.prediction.fold_model import FoldModel
from imbclf.prediction.scoring import check_precision, resolve_precision, score_images
from imbclf.prediction.shared_network import group_by_network, joint_network


def ensemble_logits(
    models: Sequence[FoldModel],
    images: NDArray[np.uint8],
    device: torch.device,
    precision: str | int,
    batch_size: int,
    tta: Tta,
    progress: bool = False,
) -> NDArray[np.float64]:
    """Return logits `[N, M]` of images `[N, H, W, 3]` by M fold models, which share networks.

    Args:
        models: the fold models.
        images: of the size that `check_images` makes sure of.
        device: where to compute.
        precision: 32-true, bf16-mixed, 16-mixed or auto.
        batch_size: images at once.
        tta: how images are viewed.
        progress: show a progress bar, on terminals only.

    Raises:
        UserError: logits of a fold model are not finite.
    """
    logits = np.empty((len(images), len(models)))
    rows, number = np.arange(len(images)), 0
    for group in group_by_network(models):
        resolved = resolve_precision(precision, device, group[0].backbone.network)
        last = number + len(group)
        label = f"model {last}/{len(models)}" if progress else None
        options = (device, resolved, batch_size, tta, label)
        found = score_images(joint_network(group), images, rows, *options)
        logits[:, number:last] = found.reshape(len(rows), len(group))
        for place, model in enumerate(group, number):
            _check_finite(logits[:, place], model.name, resolved)
        number = last
    return logits


def check_scoring(
    image_size: tuple[int, int], precision: str | int, batch_size: int, tta: Tta
) -> None:
    """Check how images of a size are to be scored.

    Raises:
        UserError: an option is out of range.
    """
    check_precision(precision)
    check_tta("tta", tta)
    check_views("tta", tta, *image_size)
    if batch_size < 1:
        raise UserError(f"batch_size={batch_size}: expected 1 or more images")


def check_images(images: NDArray[np.uint8], image_size: tuple[int, int]) -> None:
    """Check that images are those that fold models of an image size take.

    Raises:
        UserError: they have another shape or type.
    """
    height, width = image_size
    if images.ndim != 4 or images.shape[1:] != (height, width, 3) or images.dtype != "uint8":
        raise UserError(
            f"images of shape {images.shape} and type {images.dtype}: this predictor takes "
            f"uint8 [N, {height}, {width}, 3]"
        )


def _check_finite(logits: NDArray[np.float64], name: str, precision: str | int) -> None:
    """Raise a UserError where logits are not finite."""
    if np.isfinite(logits).all():
        return
    advice = (
        "its weights are damaged: train again"
        if precision == "32-true"
        else "choose precision=32-true"
    )
    count = int((~np.isfinite(logits)).sum())
    raise UserError(
        f"{name}: {count} of {len(logits)} logits are not finite with precision={precision}; "
        f"{advice}"
    )
