"""What training batches go through, each step against plain loops or another implementation."""

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from hypothesis import given, strategies as st
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor
from torchvision.transforms import functional as tv

from imbclf.augment import Augmentation, FoldAugmentation
from imbclf.augment.color import jitter
from imbclf.augment.cutout import cut_out
from imbclf.augment.geometry import draw_crop_boxes, draw_flips, flip_where, shift, warp
from imbclf.augment.mixup import cutmix, draw_partners, draw_shares, mix_labels, mixup
from imbclf.augment.random_draws import Draw, Draws, hash_indices
from imbclf.augment.rectangles import paste
from imbclf.augment.remix import remix_labels
from imbclf.cli.config.conf_dir import conf_dir
from imbclf.errors import UserError

MAKE: Callable[..., Augmentation] = Augmentation
OFF = Augmentation(flip="none")
ON: dict[str, Augmentation] = {
    "flip": Augmentation(flip="random"),
    "shift": Augmentation(flip="none", shift=2),
    "zoom": Augmentation(flip="none", zoom=0.5),
    "rotate": Augmentation(flip="none", rotate=20),
    "brightness": Augmentation(flip="none", brightness=0.4),
    "contrast": Augmentation(flip="none", contrast=0.4),
    "saturation": Augmentation(flip="none", saturation=0.4),
    "cutout": Augmentation(flip="none", cutout=5),
    "mixup": Augmentation(flip="none", mixup=0.4),
    "cutmix": Augmentation(flip="none", cutmix=1.0),
    "remix": Augmentation(flip="none", mixup=1.0, remix=True),
}
MIXES = ("mixup", "cutmix", "remix")
CHOICES = sorted(path.stem for path in (conf_dir() / "augment").glob("*.yaml"))


def random_images(count: int, height: int = 10, width: int = 12) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, height, width, 3), dtype=torch.uint8, generator=generator)


def augmented(
    options: Augmentation, images: Tensor, rows: Tensor, epoch: int = 1, seed: int = 5
) -> tuple[Tensor, Tensor]:
    return FoldAugmentation(options, seed, (10, 90))(
        images, (rows % 3 > 0).long(), rows, epoch, epoch
    )


def drawn(count: int, epoch: int = 1, seed: int = 3) -> Draws:
    return Draws(torch.arange(count), seed, epoch, batch=epoch)


# The group as a whole


@pytest.fixture(scope="module", params=CHOICES)
def chosen(request: pytest.FixtureRequest) -> Augmentation:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        cfg = compose("train", [f"augment={request.param}"])
    options: Augmentation = instantiate(cfg.augment, _convert_="all")
    return options


def test_the_group_holds_the_default_and_presets_and_every_option_has_a_line() -> None:
    assert {"default", "strong", "remix"} <= set(CHOICES)
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        cfg = compose("train")
    assert set(cfg.augment) - {"_target_"} == {field.name for field in fields(Augmentation)}
    assert instantiate(cfg.augment) == Augmentation() == Augmentation(flip="random")


def keeps_the_contract(options: Augmentation) -> None:
    images, rows = random_images(32, 20, 24), torch.arange(100, 132)
    before = images.clone()
    changed, targets = augmented(options, images, rows)
    assert (images == before).all()
    assert changed.shape == images.shape
    assert changed.is_contiguous()
    assert changed.dtype in (torch.uint8, torch.float32)
    assert changed.min() >= 0
    assert changed.max() <= 255
    assert (targets.dtype, targets.shape) == (torch.float32, (32,))
    assert targets.min() >= 0
    assert targets.max() <= 1
    again, same = augmented(options, images, rows)
    assert torch.equal(changed, again)
    assert torch.equal(targets, same)
    state = torch.get_rng_state()
    for other in ({"epoch": 2}, {"seed": 6}):
        assert not torch.equal(augmented(options, images, rows, **other)[0], changed)
    assert torch.equal(torch.get_rng_state(), state)
    alone, _ = augmented(options, images[:1], rows[:1])
    assert alone.shape == images[:1].shape


def test_every_choice_keeps_the_contract(chosen: Augmentation) -> None:
    keeps_the_contract(chosen)


@pytest.mark.parametrize("name", ON)
def test_every_option_keeps_the_contract(name: str) -> None:
    keeps_the_contract(ON[name])
    assert getattr(ON[name], name) != getattr(OFF, name)


def test_every_option_is_among_those_tested() -> None:
    covered = {*ON, "remix_kappa", "remix_tau"}
    assert covered == {field.name for field in fields(Augmentation)}


def test_with_everything_off_nothing_is_touched() -> None:
    images, rows = random_images(6), torch.arange(6)
    unchanged, targets = augmented(OFF, images, rows)
    assert unchanged is images
    assert targets.tolist() == [0, 1, 1, 0, 1, 1]


@pytest.mark.parametrize("name", [name for name in ON if name not in MIXES])
def test_an_image_changes_the_same_in_every_batch_and_keeps_its_label(name: str) -> None:
    images, rows = random_images(40), torch.arange(40)
    whole, targets = augmented(ON[name], images, rows)
    assert targets.tolist() == (rows % 3 > 0).float().tolist()
    some = torch.tensor([7, 3, 39])
    part, targets = augmented(ON[name], images[some], rows[some])
    assert torch.equal(part, whole[some])
    assert targets.tolist() == [1, 0, 0]


@pytest.mark.parametrize("name", [name for name in ON if name not in ("flip", "shift")])
def test_images_stay_uint8_unless_colors_or_blending_make_fractions(name: str) -> None:
    fractions = name in ("brightness", "contrast", "saturation", "mixup", "remix")
    changed, _ = augmented(ON[name], random_images(8), torch.arange(8))
    assert changed.is_floating_point() == fractions


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("flip", "sometimes"),
        ("shift", -1),
        ("shift", 1.5),
        ("zoom", 0),
        ("zoom", 1.5),
        ("rotate", -1),
        ("rotate", 181),
        ("brightness", 1.1),
        ("contrast", -0.1),
        ("saturation", float("nan")),
        ("cutout", -1),
        ("mixup", -1),
        ("mixup", float("inf")),
        ("cutmix", float("nan")),
        ("remix", True),
        ("remix_kappa", 1),
        ("remix_tau", 2),
    ],
)
def test_out_of_range_options_are_refused_by_name(option: str, value: float | str) -> None:
    with pytest.raises(UserError, match=rf"augment\.{option}={value}: expected"):
        MAKE(**{option: value})


@pytest.mark.parametrize("option", ["shift", "cutout"])
def test_images_too_small_for_an_option_are_refused_by_name(option: str) -> None:
    MAKE(**{option: 9}).check_size(10, 12)
    with pytest.raises(UserError, match=rf"augment\.{option}=10: .*10x12"):
        MAKE(**{option: 10}).check_size(10, 12)


# Draws


def test_hash_is_uniform_over_bits() -> None:
    bits = hash_indices(torch.arange(20_000), seed=11, stream=4)
    shares_of_ones = torch.stack([(bits >> bit & 1).double().mean() for bit in range(32)])
    assert shares_of_ones.numpy() == pytest.approx(np.full(32, 0.5), abs=0.02)


def test_draws_are_uniform_and_independent_of_one_another_and_of_the_epoch() -> None:
    values = torch.stack([drawn(20_000, e).uniform(what) for e in (0, 1) for what in Draw]).double()
    for value in values:
        assert stats.kstest(value.numpy(), "uniform").pvalue > 1e-5
    correlations = np.corrcoef(values.numpy())
    assert np.abs(correlations - np.eye(len(values))).max() < 0.04


def test_positions_cover_all_pixels_evenly() -> None:
    rows, columns = drawn(60_000).pixels(Draw.BOX, 5, 3)
    counts = np.bincount((rows * 3 + columns).numpy(), minlength=15)
    assert len(counts) == 15
    assert stats.chisquare(counts).pvalue > 1e-5


# Geometry


def test_flip_mirrors_left_to_right_only_where_chosen() -> None:
    images = random_images(3)
    flipped = flip_where(images, torch.tensor([True, False, True])).numpy()
    for number, mirrored in enumerate([True, False, True]):
        expected = np.fliplr(images[number].numpy()) if mirrored else images[number].numpy()
        assert (flipped[number] == expected).all()


@given(seed=st.integers(0, 2**31 - 1), epoch=st.integers(0, 1000))
def test_alternating_shows_both_sides_in_any_two_epochs(seed: int, epoch: int) -> None:
    here, there = (draw_flips(drawn(50, e, seed), "alternating") for e in (epoch, epoch + 1))
    assert (here != there).all()


def test_draws_of_random_are_fair_and_independent() -> None:
    alternating = draw_flips(drawn(100_000, 0), "alternating").double()
    flipped = torch.stack([draw_flips(drawn(100_000, e), "random").double() for e in range(4)])
    assert alternating.mean() == pytest.approx(0.5, abs=0.01)
    assert flipped.mean(1).numpy() == pytest.approx(np.full(4, 0.5), abs=0.01)
    correlations = np.corrcoef(flipped.numpy())
    assert np.abs(correlations - np.eye(4)).max() < 0.02
    neighbors = np.corrcoef(flipped[0, :-1].numpy(), flipped[0, 1:].numpy())[0, 1]
    assert abs(neighbors) < 0.02


def test_shift_is_a_crop_of_the_reflected_image_and_all_offsets_occur_evenly() -> None:
    images = random_images(1).expand(5000, -1, -1, -1)
    moved = shift(images, drawn(5000), pixels=2).numpy()
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


def box(left: int, top: int, width: int, height: int) -> Tensor:
    return torch.tensor([[left / 12, top / 10, width / 12, height / 10]])


def test_a_box_fills_the_image_as_torchvision_resizes_a_crop() -> None:
    image = random_images(1).float()
    left, top, width, height = 3, 2, 6, 5
    found = warp(image, box(left, top, width, height), torch.zeros(1))[0]
    expected = tv.resized_crop(
        image[0].permute(2, 0, 1), top, left, height, width, [10, 12], antialias=False
    ).permute(1, 2, 0)
    # At its border torchvision's crop cannot see the neighboring pixels, which ours does.
    torch.testing.assert_close(found[1:-1, 1:-1], expected[1:-1, 1:-1], atol=1e-3, rtol=0)
    whole = warp(image, box(0, 0, 12, 10), torch.zeros(1))
    torch.testing.assert_close(whole, image, atol=1e-3, rtol=0)


def test_a_turn_is_torchvisions() -> None:
    image = random_images(1, 12, 12).float()
    found = warp(image, torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([25.0]))[0]
    expected = tv.rotate(
        image[0].permute(2, 0, 1), -25, interpolation=tv.InterpolationMode.BILINEAR
    ).permute(1, 2, 0)
    torch.testing.assert_close(found[4:8, 4:8], expected[4:8, 4:8], atol=1e-2, rtol=0)


def sampled(image: NDArray[np.float64], row: float, column: float) -> NDArray[np.float64]:
    """Read one place bilinearly, the image being mirrored at its outer edges."""

    def within(place: float, side: int) -> float:
        place = (place + 0.5) % (2 * side)
        return min(max(min(place, 2 * side - place) - 0.5, 0), side - 1)

    row, column = within(row, image.shape[0]), within(column, image.shape[1])
    top, left = min(int(row), image.shape[0] - 2), min(int(column), image.shape[1] - 2)
    down, right = row - top, column - left
    upper = (1 - right) * image[top, left] + right * image[top, left + 1]
    lower = (1 - right) * image[top + 1, left] + right * image[top + 1, left + 1]
    return np.asarray((1 - down) * upper + down * lower)


@given(
    numbers=st.tuples(*[st.floats(0.05, 1)] * 2, *[st.floats(0, 1)] * 2, st.floats(-180, 180)),
)
def test_warp_is_a_turn_then_a_crop_pixel_by_pixel(numbers: tuple[float, ...]) -> None:
    width, height, x, y, degrees = numbers
    left, top, angle = x * (1 - width), y * (1 - height), np.deg2rad(degrees)
    image = random_images(1, 5, 7)[0].double().numpy()
    expected = np.empty_like(image)
    for row in range(5):
        for column in range(7):
            # Where this pixel lies in the turned image, from its center, in pixels.
            right = (left + (column + 0.5) / 7 * width) * 7 - 3.5
            down = (top + (row + 0.5) / 5 * height) * 5 - 2.5
            expected[row, column] = sampled(
                image,
                2.5 - np.sin(angle) * right + np.cos(angle) * down - 0.5,
                3.5 + np.cos(angle) * right + np.sin(angle) * down - 0.5,
            )
    found = warp(
        torch.from_numpy(image)[None].float(),
        torch.tensor([[left, top, width, height]]),
        torch.tensor([degrees]),
    )
    np.testing.assert_allclose(found[0].numpy(), expected, atol=0.02)


def test_crop_boxes_lie_inside_with_the_documented_distribution() -> None:
    boxes = draw_crop_boxes(drawn(20_000), smallest=0.5).double()
    left, top, width, height = boxes.numpy().T
    assert min(left.min(), top.min()) >= 0
    assert max((left + width).max(), (top + height).max()) <= 1 + 1e-6
    aspect, area = width / height, width * height
    assert 3 / 4 - 1e-5 <= aspect.min() < 0.76
    assert 1.31 < aspect.max() <= 4 / 3 + 1e-5
    # Where neither side was cut down the draws can be read off: area and place are uniform.
    free = (area < 0.7) & (width < 1) & (height < 1)
    assert stats.kstest((area[free] - 0.5) / 0.2, "uniform").pvalue > 1e-5
    assert stats.kstest(left[free] / (1 - width[free]), "uniform").pvalue > 1e-5
    whole = draw_crop_boxes(drawn(10), smallest=1.0)
    assert whole.tolist() == [[0, 0, 1, 1]] * 10


# Color and cutout


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
@pytest.mark.parametrize("factor", [0.0, 0.6, 1.0, 1.7])
def test_each_color_factor_is_torchvisions(name: str, factor: float) -> None:
    images = random_images(3)
    factors = {"brightness": 1.0, "contrast": 1.0, "saturation": 1.0} | {name: factor}
    found = jitter(images, **{key: torch.full((3,), value) for key, value in factors.items()})
    expected = getattr(tv, f"adjust_{name}")(images.permute(0, 3, 1, 2) / 255, factor)
    # Its weights of gray sum to .9999.
    torch.testing.assert_close(found, 255 * expected.permute(0, 2, 3, 1), atol=0.1, rtol=0)


def test_color_factors_compose_and_belong_to_their_image() -> None:
    images = random_images(4) // 4 + 96  # nothing reaches 0 or 255
    factors = torch.tensor([[1.1, 0.9, 1.2], [0.8, 1.1, 0.7], [1.0, 1.0, 1.0], [1.2, 1.2, 0.9]])
    found = jitter(images, *factors.T)
    for image, (brightness, contrast, saturation), own in zip(
        images, factors.tolist(), found, strict=True
    ):
        expected = tv.adjust_saturation(image.permute(2, 0, 1) / 255, saturation)
        expected = tv.adjust_brightness(tv.adjust_contrast(expected, contrast), brightness)
        torch.testing.assert_close(own, 255 * expected.permute(1, 2, 0), atol=0.1, rtol=0)
    assert torch.equal(found[2], images[2].float())


def test_factors_fill_their_range() -> None:
    ones = torch.full((4000, 2, 2, 3), 100, dtype=torch.uint8)
    options = Augmentation(flip="none", brightness=0.3)
    factors = augmented(options, ones, torch.arange(4000))[0][:, 0, 0, 0].double() / 100
    assert stats.kstest((factors.numpy() - 0.7) / 0.6, "uniform").pvalue > 1e-5


@pytest.mark.parametrize("side", [1, 4, 5])
def test_cutout_covers_a_square_with_the_mean_color_of_its_image(side: int) -> None:
    images = random_images(20)
    rows, columns = drawn(20).pixels(Draw.CUTOUT, 10, 12)
    found = cut_out(images, (rows, columns), side).numpy()
    for number, image in enumerate(images.numpy()):
        top, left = int(rows[number]) - side // 2, int(columns[number]) - side // 2
        expected = image.copy()
        mean = np.round(image.astype(float).mean((0, 1)))
        expected[max(top, 0) : top + side, max(left, 0) : left + side] = mean
        assert (found[number] == expected).all()


# Mixing


def test_partners_are_a_permutation_without_fixed_points() -> None:
    for count in (2, 3, 16, 33):
        partner = draw_partners(drawn(count))
        assert sorted(partner.tolist()) == list(range(count))
        assert (partner != torch.arange(count)).all()
    assert draw_partners(drawn(1)).tolist() == [0]
    twice = Draws(torch.arange(20).repeat_interleave(2), 0, 0, 0)
    assert (twice.rows[draw_partners(twice)] != twice.rows).all()


def test_partners_do_not_depend_on_the_order_of_the_batch() -> None:
    rows = torch.arange(50, 71)
    order = torch.randperm(21, generator=torch.Generator().manual_seed(1))
    here = rows[draw_partners(Draws(rows, 0, 0, 0))]
    there = rows[order][draw_partners(Draws(rows[order], 0, 0, 0))]
    assert torch.equal(here[order], there)


@pytest.mark.parametrize("alpha", [1e-3, 0.2, 1.0, 8.0])
def test_shares_are_those_of_the_beta_distribution_the_larger_one_first(alpha: float) -> None:
    share = draw_shares(drawn(20_000), alpha).double().numpy()
    assert share.min() >= 0.5
    assert share.max() <= 1

    def distribution(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(2 * stats.beta(alpha, alpha).cdf(x) - 1)

    # Above, float32 has too few numbers to look like a continuous distribution.
    below = share[share < 0.999]
    top = distribution(np.array(0.999))
    assert stats.kstest(below, lambda x: distribution(x) / top).pvalue > 1e-5
    for level in (0.6, 0.9, 0.99):
        assert (share <= level).mean() == pytest.approx(distribution(np.array(level)), abs=0.015)


def test_mixup_by_hand() -> None:
    images = torch.zeros(3, 2, 2, 3, dtype=torch.uint8)
    images[1], images[2] = 100, 200
    partner, share = torch.tensor([1, 2, 0]), torch.tensor([0.5, 0.75, 1.0])
    mixed = mixup(images, partner, share)
    assert mixed[:, 0, 0, 0].tolist() == [50, 125, 200]
    assert (mixed == mixed[:, :1, :1, :1]).all()
    assert mix_labels(torch.tensor([0, 1, 0]), partner, share).tolist() == [0.5, 0.75, 0]
    assert mix_labels(torch.tensor([1, 1, 1]), partner, torch.rand(3)).tolist() == [1, 1, 1]


def test_cutmix_labels_are_the_shares_of_pixels_counted() -> None:
    # Every image is of one color, its row, so that each pixel says whose it is.
    count = 200
    images = torch.arange(count, dtype=torch.uint8)[:, None, None, None].expand(-1, 10, 12, 3)
    rows = torch.arange(count)
    labels = (rows % 3 > 0).long()
    mixed, targets = augmented(Augmentation(flip="none", cutmix=1.0), images, rows)
    partner = draw_partners(Draws(rows, 5, 1, 1))
    sizes = set()
    for number in range(count):
        counts = np.bincount(mixed[number, :, :, 0].flatten().numpy(), minlength=count)
        assert set(np.flatnonzero(counts)) <= {number, int(partner[number])}
        of_label_1 = sum(n for row, n in enumerate(counts) if labels[row] == 1)
        assert float(targets[number]) == pytest.approx(of_label_1 / 120, abs=1e-7)
        pasted = mixed[number, :, :, 0] != number
        area = pasted.any(1).sum() * pasted.any(0).sum()
        assert area == pasted.sum()  # one rectangle
        sizes.add(int(area))
    assert len(sizes) > 20
    assert max(sizes) <= 0.5 * 120 * 1.15  # sides are rounded


def test_a_rectangle_that_fits_has_the_area_that_was_drawn() -> None:
    images = random_images(1, 40, 20).expand(2, -1, -1, -1)
    centers = (torch.tensor([20, 20]), torch.tensor([10, 10]))
    _, kept = cutmix(images, torch.tensor([1, 0]), torch.tensor([0.75, 0.5]), centers)
    assert kept.tolist() == pytest.approx([0.75, 1 - 28 * 14 / 800])
    black, white = torch.zeros(2, 40, 20, 3), torch.ones(2, 40, 20, 3)
    covered = paste(black, white, centers, (3, 2))[0][0].nonzero()
    expected = [[r, c, k] for r in (19, 20, 21) for c in (9, 10) for k in range(3)]
    assert covered.tolist() == expected


@given(
    counts=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    kappa=st.floats(1.1, 10),
    tau=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]),
    pairs=st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 64)), min_size=1, max_size=20
    ),
)
def test_remix_labels_follow_the_papers_rule(
    counts: tuple[int, int], kappa: float, tau: float, pairs: list[tuple[int, int, int]]
) -> None:
    first, second, sixty_fourths = (list(part) for part in zip(*pairs, strict=True))
    labels = torch.tensor([*first, *second])
    partner = torch.arange(len(labels)).roll(len(first))
    share = torch.tensor([*sixty_fourths, *sixty_fourths]) / 64
    found = remix_labels(labels, partner, share, counts, kappa, tau)
    for (y_i, y_j, part), target in zip(pairs, found.tolist(), strict=False):
        factor = part / 64
        ratio = counts[y_i] / counts[y_j]
        if ratio >= kappa and factor < tau:
            factor = 0.0
        elif ratio <= 1 / kappa and 1 - factor < tau:
            factor = 1.0
        assert target == pytest.approx(factor * y_i + (1 - factor) * y_j)


@pytest.mark.parametrize("minority", [0, 1])
def test_remix_gives_blends_to_the_minority_whichever_label_it_is(minority: int) -> None:
    rows = torch.arange(500)
    labels = torch.where(rows % 4 == 0, minority, 1 - minority)
    counts = (100, 400) if minority == 0 else (400, 100)
    options = Augmentation(flip="none", mixup=1.0, remix=True)
    _, targets = FoldAugmentation(options, 0, counts)(random_images(500), labels, rows, 0, 0)
    partner = draw_partners(Draws(rows, 0, 0, 0))
    both = labels != labels[partner]
    assert (targets[labels == minority] == minority).all()  # they keep the larger share
    assert ((targets > 0) & (targets < 1))[both & (labels != minority)].all()
    flat = FoldAugmentation(options, 0, (100, 100))(random_images(500), labels, rows, 0, 0)[1]
    assert ((flat > 0) & (flat < 1))[both].all()


def test_where_both_mix_each_batch_draws_one() -> None:
    options = Augmentation(flip="none", mixup=0.4, cutmix=1.0)
    blended = 0
    for batch in range(100):
        rows = torch.arange(4) + 4 * batch
        images, targets = augmented(options, random_images(4), rows)
        one = ON["mixup" if images.is_floating_point() else "cutmix"]
        alone, its_targets = augmented(one, random_images(4), rows)
        assert torch.equal(images, alone)
        assert torch.equal(targets, its_targets)
        blended += images.is_floating_point()
    assert 30 < blended < 70


@pytest.mark.parametrize(
    ("size", "pixels"), [((16, 16), 1), ((64, 64), 4), ((224, 224), 14), ((20, 300), 1)]
)
def test_a_share_of_the_side_shifts_as_these_pixels(size: tuple[int, int], pixels: int) -> None:
    images = random_images(4)[:, :1, :1].expand(-1, *size, -1).contiguous()
    images += torch.arange(size[0], dtype=torch.uint8)[:, None, None] * 7
    by_share, _ = augmented(Augmentation("none", shift=1 / 16), images, torch.arange(4))
    in_pixels, _ = augmented(Augmentation("none", shift=pixels), images, torch.arange(4))
    assert torch.equal(by_share, in_pixels)
    (line,) = Augmentation(shift=1 / 16).describe(*size)
    assert f"up to {pixels} pixel" in line


@pytest.mark.parametrize("shift", [0, 1, 4])
def test_whole_pixels_are_shifted_without_a_word(shift: int) -> None:
    assert Augmentation(shift=shift).describe(64, 64) == []
