import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from imbclf.augment import Augmentation, flip_where, flips, hash_indices, shift
from imbclf.errors import UserError


def random_images(count: int, height: int = 10, width: int = 12) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, height, width, 3), dtype=torch.uint8, generator=generator)


def test_flip_mirrors_left_to_right_only_where_chosen() -> None:
    images = random_images(3)
    flipped = flip_where(images, torch.tensor([True, False, True])).numpy()
    for number, chosen in enumerate([True, False, True]):
        expected = np.fliplr(images[number].numpy()) if chosen else images[number].numpy()
        assert (flipped[number] == expected).all()


@given(seed=st.integers(0, 2**31 - 1), epoch=st.integers(0, 1000))
def test_alternating_shows_both_sides_in_any_two_epochs(seed: int, epoch: int) -> None:
    rows = torch.arange(50)
    here, there = (flips(rows, e, seed, "alternating") for e in (epoch, epoch + 1))
    assert (here != there).all()


def test_first_choice_of_alternating_and_draws_of_random_are_fair_and_independent() -> None:
    rows = torch.arange(100_000)
    alternating = flips(rows, 0, 7, "alternating").double()
    drawn = torch.stack([flips(rows, epoch, 7, "random").double() for epoch in range(4)])
    assert alternating.mean() == pytest.approx(0.5, abs=0.01)
    assert drawn.mean(1).numpy() == pytest.approx(np.full(4, 0.5), abs=0.01)
    correlations = np.corrcoef(drawn.numpy())
    assert np.abs(correlations - np.eye(4)).max() < 0.02
    neighbours = np.corrcoef(drawn[0, :-1].numpy(), drawn[0, 1:].numpy())[0, 1]
    assert abs(neighbours) < 0.02


def test_what_is_drawn_for_an_image_does_not_depend_on_its_batch() -> None:
    rows = torch.arange(40)
    augmentation = Augmentation("random", shift=3, seed=5)
    images = random_images(40)
    whole = augmentation(images, rows, epoch=2)
    some = torch.tensor([7, 3, 39])
    assert (augmentation(images[some], rows[some], epoch=2) == whole[some]).all()
    assert (augmentation(images, rows, epoch=3) != whole).any()


def test_shift_is_a_crop_of_the_reflected_image_and_all_offsets_occur_evenly() -> None:
    pixels = 2
    images = random_images(1).expand(5000, -1, -1, -1)
    moved = shift(images, torch.arange(5000), epoch=1, seed=3, pixels=pixels).numpy()
    padded = np.pad(images[0].numpy(), ((2, 2), (2, 2), (0, 0)), mode="reflect")
    crops = {
        padded[row : row + 10, column : column + 12].tobytes(): 0
        for row in range(5)
        for column in range(5)
    }
    for image in moved:
        crops[image.tobytes()] += 1
    assert len(crops) == 25
    assert min(crops.values()) > 130
    assert max(crops.values()) < 275


def test_hash_is_uniform_over_bits() -> None:
    bits = hash_indices(torch.arange(20_000), seed=11, stream=4)
    shares = torch.stack([(bits >> bit & 1).double().mean() for bit in range(32)])
    assert shares.numpy() == pytest.approx(np.full(32, 0.5), abs=0.02)


def test_out_of_range_options_are_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"data\.flip"):
        Augmentation("sometimes")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"data\.shift"):
        Augmentation(shift=-1)
