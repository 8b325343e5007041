"""What images share with those that a run was trained on."""

import logging
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from imbclf.data.digests import pixel_digests
from imbclf.data.listing import Listing
from imbclf.errors import UserError
from imbclf.evaluation.training_images import (
    IMAGES,
    find_shared,
    read_training_images,
    write_training_images,
)


def images(count: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 3, (count, 2, 2, 3), dtype=np.uint8)


def listing(count: int, groups: list[str] | None = None) -> Listing:
    files = np.array([f"{number}.png" for number in range(count)])
    labels = np.arange(count, dtype=np.int64) % 2
    return Listing(Path("p"), files, labels, None if groups is None else np.array(groups))


def test_copies_are_counted_whatever_they_are_called(tmp_path: Path) -> None:
    """Few colors, so that some images are the same by chance; compared pixel by pixel."""
    seen, new = images(3000, 0)[:, :1, :1], images(500, 1)[:, :1, :1]
    seen, new = seen[:20], new[:200]
    write_training_images(tmp_path, listing(len(seen)), seen)
    shared = find_shared(tmp_path, listing(len(new)), new)
    expected = sum(any(np.array_equal(one, other) for other in seen) for one in new)
    assert 0 < expected < len(new)
    assert shared is not None
    assert shared.counts == {"copies": expected, "groups": 0}


def test_a_digest_is_of_the_pixels_and_of_nothing_else() -> None:
    pixels = images(200, 2)[:, :1]
    digests = pixel_digests(pixels)
    same = digests[:, None] == digests[None]
    equal = (pixels[:, None] == pixels[None]).all(axis=(2, 3, 4))
    assert (same == equal).all()
    # Strided memory, as of a view.
    assert (pixel_digests(np.asfortranarray(pixels)) == digests).all()


def test_shared_groups_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_training_images(tmp_path, listing(4, ["01", "1", "ann", "ann"]), images(4, 0))
    with caplog.at_level(logging.WARNING, "imbclf"):
        shared = find_shared(tmp_path, listing(5, ["ann", "1", "ann", "001", "bob"]), images(5, 1))
    assert shared is not None
    assert shared.groups == ("1", "ann")
    assert (shared.copies, shared.in_groups) == (0, 3)
    assert "2 groups of these images (1, ann: 3 of 5 images)" in caplog.text


def test_nothing_is_said_where_nothing_is_shared_or_known(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert find_shared(None, listing(4), images(4, 0)) is None
    assert find_shared(tmp_path, listing(4), images(4, 0)) is None  # a run of version 0.1
    write_training_images(tmp_path, listing(4), images(4, 0))
    shared = find_shared(tmp_path, listing(4, [*"abcd"]), images(4, 1))
    assert shared is not None
    assert shared.counts == {"copies": 0, "groups": 0}
    assert not caplog.records


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    for text in ("", "file,label\na,1\n", "file,label,digest\na,7,00\n"):
        (tmp_path / IMAGES).write_text(text)
        with pytest.raises(UserError, match=r"images\.csv"):
            read_training_images(tmp_path)


def test_digests_are_read_as_they_were_written(tmp_path: Path) -> None:
    """All digits, or like a number with an exponent: still text."""
    lines = "a.png,0,0000000000000012\nNA,1,1234567890123e45\n"
    (tmp_path / IMAGES).write_text(f"file,label,digest\n{lines}")
    table = read_training_images(tmp_path)
    assert table is not None
    assert table["digest"].tolist() == ["0000000000000012", "1234567890123e45"]
    assert table["file"].tolist() == ["a.png", "NA"]
