"""Sets whose images all look alike: copies are told from what the set has in common."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from omegaconf import OmegaConf
from PIL import Image

from helpers.photographs import brighter, cut_out, near_duplicates, pieces
from imbclf.cli.explore import next_command
from imbclf.data.dataset import LabelledFolder
from imbclf.data.exploration.background import common_patterns
from imbclf.data.exploration.blank_images import find_blank_images
from imbclf.data.exploration.explore import explore
from imbclf.data.exploration.facts import facts
from imbclf.data.exploration.findings import findings
from imbclf.data.exploration.gray_images import gray_images
from imbclf.data.exploration.groups import connected_groups, limited_groups
from imbclf.data.exploration.image_matching import match_pairs
from imbclf.data.exploration.near_duplicates import near_pairs
from imbclf.data.exploration.result import Exploration
from imbclf.data.image_headers import traits
from imbclf.errors import UserError
from imbclf.reporting.exploration_report import exploration_page
from imbclf.reporting.write_exploration import write_groups

COUNT = 300


def cells(count: int, seed: int, strength: float = 1) -> NDArray[np.uint8]:
    """Draw gray cells: bars and round corners that all share, and faint blots of each."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:64, :64]
    frame = 170.0 - 130 * np.isin(rows, [12, 13, 31, 32, 50, 51])
    frame[np.hypot(rows - 31.5, columns - 31.5) > 40] = 10
    frame += 15 * np.sin(columns / 10)
    drawn = []
    for _ in range(count):
        blots = np.zeros((64, 64))
        for top, left, size in random.uniform((0, 0, 2), (64, 64, 6), (25, 3)):
            blots -= np.exp(-((rows - top) ** 2 + (columns - left) ** 2) / 2 / size**2)
        shifted = np.roll(frame, random.integers(-1, 2, 2), axis=(0, 1))
        drawn.append(
            shifted + strength * random.uniform(15, 30) * blots + random.normal(0, 1, (64, 64))
        )
    gray = np.stack(drawn).clip(0, 255).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=-1)


def folder_of(pixels: NDArray[np.uint8], labels: NDArray[np.int64], folder: Path) -> Path:
    (folder / "train_img").mkdir(parents=True)
    for number, image in enumerate(pixels):
        Image.fromarray(image[..., 0]).save(folder / "train_img" / f"{number:04d}.png")
    words = np.array(["benign", "malignant"])[labels]
    files = [f"{number:04d}.png" for number in range(len(pixels))]
    pd.DataFrame({"file": files, "label": words}).to_csv(folder / "labels.csv", index=False)
    return folder


@pytest.fixture
def found(tmp_path: Path) -> Exploration:
    """Explore 60 cells, one copy, a black image and a white one."""
    images = cells(60, 1)
    blank = np.zeros_like(images[:2])
    blank[1] = 255
    folder = folder_of(
        np.concatenate([images, brighter(images[4], 0.9)[None], blank]),
        (np.arange(63) % 4 == 0).astype(np.int64),
        tmp_path / "cells",
    )
    data = LabelledFolder(
        str(folder),
        labels="labels.csv",
        label_map={"benign": 0, "malignant": 1},
        cache_dir=str(tmp_path / "cache"),
    )
    return explore(data, None, 3, 0, False)


def test_planted_copies_are_found_among_images_that_all_look_alike() -> None:
    images = cells(COUNT, 0)
    random = np.random.default_rng(2)
    chosen = random.choice(COUNT, 40, replace=False)
    made = [
        brighter(images[row], 0.8)
        if number % 2
        else cut_out(images[row], 60, *random.uniform(0, 4, 2))
        for number, row in enumerate(chosen)
    ]
    pairs = near_pairs(gray_images(images, np.stack(made)))
    listed = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    planted = {(int(row), COUNT + number) for number, row in enumerate(chosen)}
    assert len(listed & planted) >= 36
    assert len(listed - planted) <= 0.05 * len(listed)


def test_without_the_background_hundreds_of_pairs_are_called_alike() -> None:
    images = gray_images(cells(COUNT, 0, strength=0.4))
    one, two = np.random.default_rng(3).permutation(COUNT).reshape(2, -1)
    whole = np.tile([0.0, 0.0, 32.0], (len(one), 1))
    assert match_pairs(images.thumbs, one, two, whole)[0].mean() > 0.25
    assert len(near_pairs(images).first) <= 2


def test_repeated_photographs_are_no_background() -> None:
    """Six views each of 40 pictures: a plain principal component analysis would take them away."""
    views = [near_duplicates(pieces(), 40, seed=1)[0]]
    chosen = near_duplicates(pieces(), 40, seed=1)[1]
    views += [np.stack([brighter(pieces()[row], f) for row in chosen]) for f in (0.8, 0.9, 1, 1.1)]
    images = gray_images(*views)
    group = connected_groups(200, *near_pairs(images)[:2])
    together = [(group[number::40] == group[number]).mean() for number in range(40)]
    assert np.mean(together) > 0.9
    assert len(common_patterns(images.thumbs, images.details)) <= 40 // 8


def test_weak_links_do_not_chain_more_than_twenty_images_and_strong_ones_do() -> None:
    random = np.random.default_rng(0)
    first, second = random.integers(0, 200, (2, 600))
    strength = random.uniform(0.8, 1, 600)
    group = limited_groups(200, first, second, strength, strict=0.95)
    strong = strength >= 0.95
    core = connected_groups(200, first[strong], second[strong])
    for number in np.unique(group):
        inside = np.flatnonzero(group == number)
        # Larger than 20 only as far as strong links join what weak ones had made of 20 at most.
        assert len(inside) <= 20 or strong[np.isin(first, inside) & np.isin(second, inside)].any()
    assert all(len(np.unique(group[core == number])) == 1 for number in np.unique(core))
    weak = limited_groups(200, first, second, np.minimum(strength, 0.94), strict=0.95)
    assert np.bincount(weak).max() == 20


def test_blank_images_gray_sets_and_the_largest_group_are_named(found: Exploration) -> None:
    numbers, words = facts(found), "\n".join(findings(found))
    assert numbers["blank_images"] == ["0061.png", "0062.png"]
    assert "show nothing (all black, all white, one color): 2 (0061.png, 0062.png)" in words
    assert numbers["gray"] is True
    assert numbers["duplicates"]["largest_group"] == 2
    assert "the largest group of them holds 2 images" in words
    html = exploration_page(found, seed=0).html()
    assert "0062.png" in html
    assert "ImageNet mean" not in html
    assert "show the same picture" not in html


def test_labels_keep_their_names_in_the_groups_and_the_next_command(
    found: Exploration, tmp_path: Path
) -> None:
    write_groups(found, tmp_path / "groups.csv")
    table = pd.read_csv(tmp_path / "groups.csv")
    assert list(table.columns) == ["file", "label", "group"]
    assert set(table["label"]) == {"benign", "malignant"}
    assert ((table["label"] == "malignant") == (found.labels == 1)).all()
    data = OmegaConf.create({"dir": "d", "images": None, "image_size": None})
    command = next_command(data, tmp_path, found.listing.label_names)
    assert "'data.positive=[malignant]' 'data.names=[benign,malignant]'" in command
    assert "positive" not in next_command(data, tmp_path)


def test_further_columns_are_crossed_with_the_label(found: Exploration) -> None:
    sites = ["Bern" if label else "Rome" for label in found.labels[:-1]] + ["Rome"]
    with_sites = replace(found, columns={"site": sites})
    counted = pd.crosstab(np.array(sites), found.labels)
    rows = traits(sites, found.labels)
    assert {row.value: [row.zeros, row.ones] for row in rows} == {
        str(value): list(counts) for value, *counts in counted.itertuples()
    }
    assert facts(with_sites)["columns"]["site"]["values"] == 2
    assert facts(found)["columns"] == {}
    assert "site by label" in exploration_page(with_sites, seed=0).html()
    assert any(line.startswith("site ") for line in findings(with_sites))


def test_an_image_with_one_dot_is_not_blank() -> None:
    pixels = np.full((3, 32, 32, 3), 250, np.uint8)
    pixels[1, :8, :8] = 0
    pixels[2] -= np.random.default_rng(0).integers(0, 3, (32, 32, 1), dtype=np.uint8)
    assert find_blank_images(pixels).tolist() == [0, 2]


@pytest.mark.parametrize("likeness", [-0.1, 1.5, float("nan")])
def test_a_likeness_out_of_range_is_refused(likeness: float) -> None:
    with pytest.raises(UserError, match=r"likeness=.*: expected a number from 0 to 1"):
        explore(LabelledFolder("nowhere"), None, 3, 0, False, likeness)
