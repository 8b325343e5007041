"""Duplicates: the hash is ImageHash's, planted pairs are found, others are not, folds keep them."""

import hashlib
from pathlib import Path

import imagehash
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from helpers.photographs import SIDE, brighter, cut_out, near_duplicates, pieces
from imbclf.data.exploration.background import residual_correlation
from imbclf.data.exploration.candidate_pairs import CELL
from imbclf.data.exploration.duplicates import (
    Duplicates,
    confirm_copies,
    duplicate_groups,
    find_duplicates,
    first_copies,
    pairs_across,
    split_across_folds,
)
from imbclf.data.exploration.gray_images import gray_images
from imbclf.data.exploration.groups import connected_groups
from imbclf.data.exploration.image_matching import match_pairs
from imbclf.data.exploration.near_duplicates import CROWD, near_pairs
from imbclf.data.exploration.perceptual_hash import (
    perceptual_hashes,
    sampling_matrix,
    thumbnails,
    window_spectra,
)
from imbclf.data.splits import stratified_folds


def noise(count: int, seed: int) -> NDArray[np.uint8]:
    """Draw pictures that are rough at every scale, as photographs are, `[count, 64, 64, 3]`."""
    random = np.random.default_rng(seed)
    steps = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.fftfreq(SIDE)) + 1 / SIDE
    waves = np.fft.fft2(random.normal(size=(count, 3, SIDE, SIDE))) / steps
    fields = np.fft.ifft2(waves).real.transpose(0, 2, 3, 1)
    fields = 50 * fields / fields.std(axis=(1, 2, 3), keepdims=True)
    return np.asarray((128 + fields).clip(0, 255), np.uint8)


def found_pairs(pixels: NDArray[np.uint8]) -> set[tuple[int, int]]:
    pairs = near_pairs(gray_images(pixels))
    return set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


@pytest.mark.parametrize("size", [(64, 64), (32, 32), (50, 200), (16, 9)])
def test_hashes_are_those_of_imagehash(size: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    drawn = random.integers(0, 256, (20, *size, 3), dtype=np.uint8)
    resized = [
        np.asarray(Image.fromarray(piece).resize((size[1], size[0]))) for piece in pieces()[::4]
    ]
    pixels = np.concatenate([drawn, np.stack(resized), np.full((1, *size, 3), 77, np.uint8)])
    expected = [int(str(imagehash.phash(Image.fromarray(image))), 16) for image in pixels]
    assert perceptual_hashes(thumbnails(pixels, threads=2)).tolist() == expected


def test_windows_are_transformed_as_if_cut_out_and_enlarged() -> None:
    thumbs = thumbnails(noise(3, 0))
    top, left, side = 2.3, 1.1, 28.5
    window = window_spectra(thumbs, (top, left, side))
    rows, columns = (
        sampling_matrix(np.array([start]), np.array([side]))[0].astype(np.float64)
        for start in (top, left)
    )
    for thumb, spectrum in zip(thumbs, window, strict=True):
        points = top + (np.arange(32) + 0.5) * side / 32 - 0.5
        line = np.interp(points, np.arange(32), thumb[:, 5].astype(float))
        assert np.allclose(rows @ thumb[:, 5], line, atol=1e-3)
        whole = rows @ thumb @ columns.T
        cosines = np.cos(np.pi * np.outer(np.arange(8), 2 * np.arange(32) + 1) / 64)
        assert np.allclose(spectrum, 4 * cosines @ whole @ cosines.T, rtol=1e-3, atol=1)


def test_images_connected_to_the_other_folder_are_paired() -> None:
    """Three copies of a darker image of the first folder, one of them exact, and a stranger."""
    first = noise(40, 0)
    darker = np.asarray(0.8 * first[7], np.uint8)
    second = np.stack([darker, darker, darker, noise(1, 1)[0], first[3]])
    pixels = np.concatenate([first, second])
    images = gray_images(first, second)
    found = find_duplicates(first_copies(pixels), images)
    across = pairs_across(found, images.thumbs, len(first))
    pairs = set(zip(across.first.tolist(), across.second.tolist(), strict=True))
    assert pairs == {(7, 40), (7, 41), (7, 42), (3, 44)}
    assert dict(zip(across.second.tolist(), across.exact.tolist(), strict=True)) == {
        40: False,
        41: False,
        42: False,
        44: True,
    }


def test_forty_planted_duplicates_of_photographs_are_found_and_no_others() -> None:
    images = pieces()
    made, chosen = near_duplicates(images, 40, seed=1)
    found = found_pairs(np.concatenate([images, made]))
    planted = {(int(row), len(images) + number) for number, row in enumerate(chosen)}
    assert len(found & planted) >= 39
    assert not found - planted


@pytest.mark.slow
def test_they_are_found_among_many_that_lie_in_many_cells() -> None:
    images = noise(1600, seed=2)
    made, chosen = near_duplicates(images, 200, seed=3)
    assert len(images) == 8 * CELL
    found = found_pairs(np.concatenate([images, made]))
    planted = {(int(row), len(images) + number) for number, row in enumerate(chosen)}
    assert len(found & planted) >= 194
    assert len(found - planted) <= 2


def test_constant_images_and_few_images_have_no_near_pairs() -> None:
    flat = np.repeat(np.arange(0, 250, 5, dtype=np.uint8), SIDE * SIDE * 3)
    assert not found_pairs(flat.reshape(-1, SIDE, SIDE, 3))
    assert not found_pairs(noise(1, 0))


def test_a_large_group_is_connected_without_listing_every_pair() -> None:
    many = 6 * CROWD
    image, *others = noise(201, seed=4)
    crowd = [brighter(image, factor) for factor in np.linspace(0.6, 1.2, many)]
    images = gray_images(np.stack([*crowd, *others]))
    pairs = near_pairs(images)
    group = connected_groups(len(images), pairs.first, pairs.second)
    assert len(set(group[:many].tolist())) == 1
    assert len(set(group.tolist())) == 201
    assert len(pairs.first) < many * (many - 1) / 4


def test_similarity_is_one_for_copies_and_small_for_different_images() -> None:
    images = gray_images(noise(4, 6))
    one, two = np.array([0, 0, 1]), np.array([0, 1, 2])
    same, windows = match_pairs(images.thumbs, one, two, np.tile([0.0, 0.0, 32.0], (3, 1)))
    assert same.tolist() == [True, False, False]
    nothing = np.zeros((0, 64 * 64), np.float32)
    details = images.details(one), images.details(two)
    similarity = residual_correlation(*details, windows, nothing)
    assert similarity[0] == pytest.approx(1)
    assert similarity[1:].max() < 0.4
    # Without anything taken away it is Pearson's, window by window.
    whole = residual_correlation(*details, np.tile([0.0, 0.0, 32.0], (3, 1)), nothing)
    expected = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(*details, strict=True)]
    assert np.allclose(whole, expected, atol=1e-4)


def test_a_window_is_found_from_one_and_a_half_pixels_away() -> None:
    image = pieces()[pieces().std(axis=(1, 2, 3)).argmax()]
    thumbs = thumbnails(np.stack([image, cut_out(image, 56, 4, 4)]))
    start = np.array([[2.0 + 1.5, 2.0 - 1.5, 28.0]])
    same, windows = match_pairs(thumbs, np.array([0]), np.array([1]), start)
    assert same[0]
    assert np.abs(windows[0] - [2, 2, 28]).max() < 0.4


def test_exact_copies_are_those_with_equal_pixels() -> None:
    random = np.random.default_rng(7)
    pixels = random.integers(0, 2, (300, 2, 2, 3), dtype=np.uint8) * (random.random(300) < 0.5)[
        :, None, None, None
    ].astype(np.uint8)
    originals = first_copies(pixels)
    for index, image in enumerate(pixels):
        first = min(other for other in range(300) if np.array_equal(pixels[other], image))
        assert originals[index] == first


def test_copies_of_resized_images_must_be_equal_in_full_size(tmp_path: Path) -> None:
    image = pieces()[0]
    other = image.copy()
    other[0, 0, 0] ^= 1
    for name, pixels in (("a.png", image), ("b.png", other), ("c.png", image)):
        Image.fromarray(pixels).save(tmp_path / name)
    paths = [str(tmp_path / name) for name in ("a.png", "b.png", "c.png")]
    assert confirm_copies(np.array([0, 0, 0]), paths).tolist() == [0, 1, 0]


def test_three_copies_give_two_pairs_and_hash_bits_are_counted() -> None:
    image = pieces()[3]
    pixels = np.stack([image, brighter(image, 0.8), image, image])
    found = find_duplicates(first_copies(pixels), gray_images(pixels))
    listed = zip(found.first, found.second, found.exact, strict=True)
    assert [*listed] == [(0, 1, False), (0, 2, True), (0, 3, True)]
    hashes = [imagehash.phash(Image.fromarray(pixels[row])) for row in (0, 1)]
    assert found.bits.tolist() == [hashes[0] - hashes[1], 0, 0]


def pairs_of(first: list[int], second: list[int]) -> Duplicates:
    ones = np.ones(len(first))
    return Duplicates(np.array(first), np.array(second), ones > 0, ones.astype(int), ones)


def test_groups_join_duplicates_and_given_groups_through_each_other() -> None:
    pairs = pairs_of([0, 4], [1, 5])
    assert len(set(duplicate_groups(6, pairs).tolist())) == 4
    given = np.array(["x", "y", "y", "z", "x", "v"])
    group = duplicate_groups(6, pairs, given)
    assert group[0] == group[1] == group[2] == group[4] == group[5] != group[3]


def test_random_folds_split_duplicates_and_grouped_folds_never_do() -> None:
    random = np.random.default_rng(8)
    labels = (np.arange(600) % 8 > 0).astype(np.int64)
    rows = random.permutation(600)[:80].reshape(2, 40)
    pairs = pairs_of(rows[0].tolist(), rows[1].tolist())
    plain = stratified_folds(labels, 5, seed=0)
    split = split_across_folds(plain, pairs)
    # In each of 5 folds the parts hold .2 (test), .1 (dev), .7: few pairs are together in all.
    for number in range(40):
        one, two = rows[:, number]
        together = all(
            (one in part) == (two in part)
            for fold in plain
            for part in (set(fold.fit), set(fold.dev), set(fold.test))
        )
        assert split[number] == (not together)
    assert split.mean() > 0.7
    grouped = stratified_folds(labels, 5, 0, duplicate_groups(600, pairs))
    assert not split_across_folds(grouped, pairs).any()


def test_the_answer_does_not_depend_on_threads() -> None:
    images = noise(450, seed=9)
    made = near_duplicates(images, 30, 0)[0]
    digests = {
        hashlib.sha256(
            b"".join(column.tobytes() for column in near_pairs(gray_images(images, made), threads))
        ).hexdigest()
        for threads in (1, 3)
    }
    assert len(digests) == 1
