"""How often images that are kept for judging have been judged."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from imbclf.data.listing import Listing
from imbclf.evaluation.looks import count_look, images_digest, looks_text

IMAGES = 40


@pytest.fixture
def listing(tmp_path: Path) -> Listing:
    root = tmp_path / "photos"
    root.mkdir()
    files = np.array([f"{number}.png" for number in range(IMAGES)])
    for size, file in enumerate(files):
        (root / file).write_bytes(b"x" * size)
    return Listing(root, files, np.arange(IMAGES, dtype=np.int64) % 2)


def decisions(seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, 2, IMAGES)


def test_each_different_result_counts_and_a_repetition_does_not(
    listing: Listing, tmp_path: Path
) -> None:
    cache, one, two = (tmp_path / name for name in ("cache", "one", "two"))
    assert count_look(listing, decisions(0), cache, one) == 1
    assert count_look(listing, decisions(0), cache, one) == 1
    assert count_look(listing, decisions(1), cache, one) == 2
    assert count_look(listing, decisions(2), cache, two) == 3
    assert count_look(listing, decisions(0), cache, one) == 3  # what all have seen by now
    assert count_look(listing, decisions(3), cache) == 4  # a predictor without its run


def test_looks_are_kept_by_the_run_when_the_cache_is_gone(listing: Listing, tmp_path: Path) -> None:
    cache, run = tmp_path / "cache", tmp_path / "run"
    for seed in range(3):
        count_look(listing, decisions(seed), cache, run)
    assert count_look(listing, decisions(3), tmp_path / "another", run) == 4
    assert count_look(listing, decisions(4), tmp_path / "another", tmp_path / "new") == 2


def test_looks_at_the_same_time_are_all_counted(listing: Listing, tmp_path: Path) -> None:
    def look(seed: int) -> int:
        return count_look(listing, decisions(seed), tmp_path / "cache", tmp_path / "run")

    with ThreadPoolExecutor(16) as pool:
        counts = list(pool.map(look, range(48)))
    assert max(counts) == 48
    assert look(0) == 48


def test_images_are_the_same_in_any_order_and_under_another_root(
    listing: Listing, tmp_path: Path
) -> None:
    digest = images_digest(listing)
    shuffled = listing.take(np.random.default_rng(0).permutation(IMAGES))
    assert images_digest(shuffled) == digest
    moved = replace(listing, root=listing.root.rename(tmp_path / "moved"))
    assert images_digest(moved) == digest
    order = np.random.default_rng(1).permutation(IMAGES)
    assert count_look(moved, decisions(0), tmp_path / "cache") == 1
    assert count_look(moved.take(order), decisions(0)[order], tmp_path / "cache") == 1


@pytest.mark.parametrize("what", ["names", "labels", "sizes", "fewer"])
def test_other_images_are_other_looks(listing: Listing, what: str) -> None:
    digest = images_digest(listing)
    labels = listing.labels
    assert labels is not None
    if what == "names":
        (listing.root / "0.png").rename(listing.root / "zero.png")
        listing = replace(listing, files=np.array(["zero.png", *listing.files[1:]]))
    elif what == "labels":
        listing = replace(listing, labels=1 - labels)
    elif what == "sizes":
        (listing.root / "0.png").write_bytes(b"another image under the name")
    else:
        listing = listing.take(np.arange(1, IMAGES))
    assert images_digest(listing) != digest


def test_a_folder_that_cannot_be_written_to_is_said_and_stops_nothing(
    listing: Listing, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING, "imbclf"):
        assert count_look(listing, decisions(0), tmp_path / "cache", blocked) == 1
        assert count_look(listing, decisions(1), tmp_path / "cache", blocked) == 2
    assert f"not counted in {blocked}" in caplog.text


def test_the_caution_comes_with_the_second_look() -> None:
    assert looks_text(1).startswith("This is look 1 at these images, honest")
    assert "too optimistic" in looks_text(2)
