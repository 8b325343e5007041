"""The contract of augmentations."""

from collections.abc import Callable

import torch
from torch import Tensor

from imbclf.augment.own_augmentation import OwnAugmentation
from imbclf.errors import UserError
from imbclf.testing.expectation import expect


def check_augment(augment: Callable[[Tensor], Tensor], size: int = 64) -> None:
    """Check that an augmentation keeps shapes and follows torch's seed.

    Args:
        augment: the module or function: images `[N, 3, H, W]`, uint8 in 0..255 or, if it takes
            no such, float in 0..1, to the same shape.
        size: side of the images in pixels.

    Raises:
        AssertionError: it does not; the message says what the contract is.

    >>> check_augment(lambda images: images.flip(3))
    >>> check_augment(lambda images: images[:, :, 1:])
    Traceback (most recent call last):
    AssertionError: augment: function made [4, 3, 63, 64] of images [4, 3, 64, 64]; expected the \
same shape
    """
    own = OwnAugmentation(augment)
    try:
        own.check_size(size, size)
    except UserError as error:
        raise AssertionError(str(error)) from error
    draws = torch.Generator().manual_seed(0)
    images = torch.randint(256, (4, size, size, 3), dtype=torch.uint8, generator=draws)
    before = images.clone()
    rows = torch.arange(4)
    one, other = (own.augment(images, seed=7, batch=3, rows=rows) for _ in range(2))
    expect(
        torch.equal(one, other),
        "the same torch seed has to give the same images, so that a resumed training sees the "
        "same; draw random numbers from torch alone",
    )
    expect(torch.equal(images, before), "the images given must not be changed in place")
