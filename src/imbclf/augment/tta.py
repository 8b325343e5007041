"""Test-time augmentation: views of an image whose logits are averaged."""

from collections.abc import Iterator
from typing import Literal, get_args

from torch import Tensor
from torch.nn import functional as F

from imbclf.errors import UserError
from imbclf.utils.checks import check_choice

Tta = Literal["none", "flip", "shift"]
SHIFTS_PER_SIDE = 16  # a shift is 1/16 of the side of the image


def check_tta(option: str, tta: str) -> None:
    """Check that a value is a kind of test-time augmentation.

    Raises:
        UserError: it is not.
    """
    check_choice(option, tta, get_args(Tta))


def check_views(option: str, tta: Tta, height: int, width: int) -> None:
    """Check that images of this size have shifted views, if `tta` needs them.

    Raises:
        UserError: they are too small to be padded by reflection.
    """
    if tta == "shift" and min(height, width) < 2:
        raise UserError(
            f"{option}={tta}: images of {height}x{width} pixels cannot be shifted; choose "
            f"{option}=flip or larger images"
        )


def views(images: Tensor, tta: Tta) -> Iterator[Tensor]:
    """Yield views of images, each `[N, H, W, 3]` as the images.

    `none`: the images. `flip`: the images and their mirror images. `shift`: these two, unshifted
    and shifted up, down, left and right by 1/16 of the side, padded by reflection: ten in all.

    >>> import torch
    >>> [len([*views(torch.zeros(1, 32, 32, 3), tta)]) for tta in ("none", "flip", "shift")]
    [1, 2, 10]
    """
    yield images
    if tta != "none":
        yield images.flip(2)
    if tta == "shift":
        for moved in _shifted(images):
            yield moved
            yield moved.flip(2)


def _shifted(images: Tensor) -> Iterator[Tensor]:
    height, width = images.shape[1:3]
    up, left = max(1, height // SHIFTS_PER_SIDE), max(1, width // SHIFTS_PER_SIDE)
    planes = images.permute(0, 3, 1, 2).float()
    padded = F.pad(planes, [left, left, up, up], mode="reflect").permute(0, 2, 3, 1)
    for top, side in ((0, left), (2 * up, left), (up, 0), (up, 2 * left)):
        yield padded[:, top : top + height, side : side + width].to(images.dtype)
