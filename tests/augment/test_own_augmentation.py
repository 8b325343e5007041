"""An augmentation of the user's own: shapes, ranges, and draws that a resumed training repeats."""

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from imbclf.augment import augmentation_of_fold
from imbclf.augment.own_augmentation import OwnAugmentation
from imbclf.errors import UserError
from imbclf.testing import check_augment

IMAGES = torch.randint(256, (6, 8, 8, 3), dtype=torch.uint8, generator=torch.manual_seed(0))
LABELS, ROWS = torch.tensor([0, 1, 1, 1, 1, 1]), torch.arange(6) + 40


class FloatsOnly(nn.Module):
    """As kornia: float images in 0..1, another draw for each image."""

    def forward(self, images: Tensor) -> Tensor:
        if not images.is_floating_point():
            raise TypeError("expected float")
        return images * torch.rand(len(images), 1, 1, 1)


class Negative(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return 255 - images


def apply(module: Callable[[Tensor], Tensor], batch: int = 3, seed: int = 0) -> Tensor:
    augment = augmentation_of_fold(OwnAugmentation(module), seed, (1, 5))
    images, targets = augment(IMAGES, LABELS, ROWS, epoch=0, batch=batch)
    assert targets.dtype == torch.float32
    assert images.shape == IMAGES.shape
    return images


def test_colors_stay_colors() -> None:
    assert torch.equal(apply(Negative()), 255 - IMAGES)
    scaled = apply(FloatsOnly()) / IMAGES.clamp_min(1)
    factors = scaled.flatten(1).amax(1)
    assert len(set(factors.tolist())) == 6  # another for each image
    torch.testing.assert_close(apply(FloatsOnly()), IMAGES * factors[:, None, None, None])


def test_transforms_of_torchvision_draw_for_each_image() -> None:
    flip = v2.Compose([v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()])
    expected = [
        {image.flip(dims).numpy().tobytes() for dims in ([], [0], [1], [0, 1])} for image in IMAGES
    ]
    kinds = set()
    for batch in range(4):
        for image, original, possible in zip(apply(flip, batch), IMAGES, expected, strict=True):
            assert image.numpy().tobytes() in possible
            kinds.add(
                next(
                    tuple(dims)
                    for dims in ([], [0], [1], [0, 1])
                    if torch.equal(original.flip(dims), image)
                )
            )
    assert len(kinds) == 4


def test_draws_follow_from_seed_and_batch_and_leave_the_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    one = apply(FloatsOnly())
    assert torch.equal(torch.rand(2), expected)
    assert torch.equal(one, apply(FloatsOnly()))
    assert not torch.equal(one, apply(FloatsOnly(), batch=4))
    assert not torch.equal(one, apply(FloatsOnly(), seed=1))


class FromPython(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return (images * random.random()).byte()


class InPlace(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.zero_()


def test_a_module_that_works_in_place_leaves_the_data_alone() -> None:
    before = IMAGES.clone()
    check_augment(InPlace())
    apply(InPlace())
    assert torch.equal(IMAGES, before)


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (nn.Flatten(), r"Flatten made \[4, 12288\] of images \[4, 3, 64, 64\]"),
        (nn.Conv2d(5, 5, 1), "Conv2d fails on images"),
        (
            v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.1] * 3)]),
            "made values from -5 to 5 of colors in 0 to 1.*model.mean",
        ),
        (FromPython(), "the same torch seed"),
    ],
)
def test_the_check_names_what_is_broken(module: Any, said: str) -> None:  # noqa: ANN401
    with pytest.raises(AssertionError, match=said):
        check_augment(module)


def test_what_does_not_fit_is_one_message() -> None:
    with pytest.raises(UserError, match="expected the same shape"):
        OwnAugmentation(nn.Flatten()).check_size(8, 8)


@pytest.mark.parametrize(
    "module", [Negative(), FloatsOnly(), v2.ColorJitter(0.5), v2.RandomRotation(20), v2.AugMix()]
)
def test_the_check_passes_modules_that_work(module: Any) -> None:  # noqa: ANN401
    check_augment(module, size=16)
