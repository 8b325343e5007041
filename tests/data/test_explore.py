"""`imbclf-explore` as a user runs it, on photographs among which duplicates are planted."""

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.commands import run
from helpers.photographs import near_duplicates, pieces
from helpers.strict_html import Strict
from imbclf.data.dataset import LabelledFolder
from imbclf.data.exploration.color_statistics import color_statistics
from imbclf.data.exploration.explore import explore
from imbclf.data.exploration.facts import facts
from imbclf.data.exploration.findings import findings
from imbclf.data.image_headers import leaky_traits, read_headers, traits
from imbclf.data.listing import list_images
from imbclf.data.reading.options import ReadingOptions
from imbclf.data.reading.read import list_labelled
from imbclf.data.splits import stratified_folds
from imbclf.errors import UserError
from imbclf.reporting.exploration_report import exploration_page
from imbclf.reporting.write_exploration import write_groups

PLANTED = 40


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Lay out 120 pieces, 40 near duplicates (7 of them with the other label), 1 exact copy."""
    made, chosen = near_duplicates(pieces(), PLANTED, seed=1)
    labels = (np.arange(len(pieces())) % 6 > 0).astype(int)
    copied = labels[chosen]
    copied[:7] = 1 - copied[:7]
    images = [*pieces(), *made, pieces()[5]]
    folder = tmp_path / "album"
    (folder / "train_img").mkdir(parents=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / "train_img" / f"{number:04d}.png")
    all_labels = [*labels, *copied, labels[5]]
    (folder / "label_train.txt").write_text("".join(f"{label}\n" for label in all_labels))
    other = folder / "other"
    other.mkdir()
    again, _ = near_duplicates(pieces(), 5, seed=7)
    for number, image in enumerate([*again, *np.rot90(pieces()[30:33], axes=(1, 2))]):
        Image.fromarray(np.ascontiguousarray(image)).save(other / f"{number}.png")
    return folder


def planted() -> set[tuple[str, str]]:
    _, chosen = near_duplicates(pieces(), PLANTED, seed=1)
    first = len(pieces())
    return {(f"{row:04d}.png", f"{first + number:04d}.png") for number, row in enumerate(chosen)}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def torn_pairs(listing_root: Path, table: Path | None, pairs: list[dict[str, str]]) -> int:
    """Count pairs that five folds put in different parts, each fold and part looked through."""
    listing = list_labelled(
        listing_root, ReadingOptions(labels=None if table is None else str(table))
    )
    assert listing.labels is not None
    place = {file: row for row, file in enumerate(listing.files.tolist())}
    folds = stratified_folds(listing.labels, 5, 3, listing.groups)
    split = 0
    for pair in pairs:
        one, two = place[pair["file"]], place[pair["other"]]
        split += any(
            (one in part) != (two in part)
            for fold in folds
            for part in (fold.fit.tolist(), fold.dev.tolist(), fold.test.tolist())
        )
    return split


@pytest.mark.slow
def test_the_command_finds_what_was_planted_and_its_groups_keep_it_together(
    album: Path, tmp_path: Path
) -> None:
    arguments = [f"data.dir={album}", f"test_dir={album / 'other'}", "write_groups=true", "out=one"]
    done = run("explore", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "one"
    names = {path.name for path in out.iterdir()}
    tables = {"listing.csv", "left_out.csv", "near_duplicates.csv", "groups.csv"}
    assert names == {"explore.html", "explore.json", *tables}
    assert all(name in done.stdout for name in names - {"left_out.csv"})

    rows = rows_of(out / "near_duplicates.csv")
    inside = [row for row in rows if row["other_in"] == "train"]
    near = {(row["file"], row["other"]) for row in inside if row["kind"] == "near"}
    assert len(near & planted()) >= PLANTED - 1
    # What else is near can only be the copy, 0160, which stands for the image that it copies.
    assert not near - planted()
    exact = [(row["file"], row["other"]) for row in inside if row["kind"] == "exact"]
    assert exact == [("0005.png", "0160.png")]
    assert len([row for row in rows if row["other_in"] == "test"]) >= 4

    numbers = json.loads((out / "explore.json").read_text())
    labels = [int(line) for line in (album / "label_train.txt").read_text().split()]
    assert numbers["class_counts"] == [labels.count(0), labels.count(1)]
    contradicting = [row for row in inside if row["label"] != row["other_label"]]
    assert numbers["duplicates"]["across_labels"] == len(contradicting) >= 6
    assert numbers["test"]["images"] == 8
    assert 4 <= numbers["test"]["duplicates"] <= 5
    assert f"{len(contradicting)} of the look-alikes have different labels" in done.stdout
    assert "may be wrong" not in done.stdout

    # The leak, and how it goes away, checked on folds of another seed than the command tried.
    assert torn_pairs(album, None, inside) > len(inside) / 2
    assert torn_pairs(album, out / "groups.csv", inside) == 0
    assert numbers["folds"]["torn_pairs"] > len(inside) / 2
    assert numbers["folds"]["torn_pairs_with_groups"] == 0

    again = run("explore", *arguments, cwd=tmp_path)
    assert again.returncode == 2
    assert "overwrite=true" in again.stderr
    done = run("explore", *arguments[:1], "out=one", "overwrite=true", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (out / "groups.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["write_group=true"], "did you mean write_groups?"),
        (["data.imagesize=3"], "did you mean data.image_size?"),
        (["folds=1"], "folds=1: expected a whole number, 2 or more"),
        (["likeness=2"], "likeness=2: expected a number from 0 to 1"),
        (["likeness=much"], "likeness=much: expected a number from 0 to 1"),
        (["write_groups=maybe"], "write_groups=maybe: expected true or false"),
    ],
)
def test_mistakes_are_one_message_and_leave_nothing(
    album: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = run("explore", f"data.dir={album}", "out=two", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "two").exists()


def test_class_folders_mixed_sizes_modes_and_broken_files(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    folder = tmp_path / "animals"
    for name, count, suffix in (("cat", 12, "jpg"), ("dog", 30, "png")):
        (folder / name).mkdir(parents=True)
        for number, row in enumerate(random.choice(120, count, replace=False)):
            image = Image.fromarray(pieces()[row]).resize((80, 60 + number % 2))
            (image.convert("L") if name == "cat" else image).save(
                folder / name / f"{number}.{suffix}"
            )
    (folder / "dog" / "broken.png").write_bytes(b"no image")
    data = LabelledFolder(str(folder), on_corrupt="skip", cache_dir=str(tmp_path / "cache"))
    found = explore(data, None, folds=3, seed=0, try_groups=True)
    numbers = facts(found)
    assert numbers["unreadable"] == ["dog/broken.png"]
    assert numbers["class_counts"] == [12, 30]
    assert numbers["formats"] == [
        {"format": "PNG", "label_0": 0, "label_1": 30},
        {"format": "JPEG", "label_0": 12, "label_1": 0},
    ]
    assert {(row["height_x_width"], row["label_0"]) for row in numbers["sizes"]} == {
        ("60 x 80", 6),
        ("61 x 80", 6),
    }
    assert numbers["looked_at"] == {"height_width": [64, 64], "resized": True}
    words = "\n".join(findings(found))
    assert "Images that cannot be read: 1 (dog/broken.png)." in words
    assert "2 sizes" in words
    assert "Mode" in words
    assert "instead of the content of the images" in words
    html = exploration_page(found, seed=0).html()
    assert "Mean image of label cat" in html
    assert "dog/broken.png" in html

    write_groups(found, tmp_path / "elsewhere" / "groups.csv")
    listing = list_labelled(
        folder,
        ReadingOptions(
            labels=str(tmp_path / "elsewhere" / "groups.csv"), label_map={"cat": 0, "dog": 1}
        ),
    )
    assert listing.files.tolist() == found.listing.files.tolist()
    assert listing.groups is not None
    assert listing.labels is not None
    assert np.array_equal(listing.labels, found.labels)


def test_groups_that_the_user_gave_are_kept_together_too(album: Path, tmp_path: Path) -> None:
    files = sorted(path.name for path in (album / "train_img").iterdir())
    labels = (album / "label_train.txt").read_text().split()
    people = [f"p{number // 3}" for number in range(len(files))]
    table = pd.DataFrame({"file": files, "label": labels, "group": people})
    table.to_csv(album / "people.csv", index=False)
    data = LabelledFolder(str(album), labels="people.csv", cache_dir=str(tmp_path / "cache"))
    found = explore(data, None, folds=2, seed=0, try_groups=False)
    for person in set(people):
        rows = [row for row, name in enumerate(people) if name == person]
        assert len({int(found.groups[row]) for row in rows}) == 1
    assert (found.groups[found.pairs.first] == found.groups[found.pairs.second]).all()


def test_colors_are_those_of_all_pixels() -> None:
    labels = (np.arange(120) % 5 == 0).astype(np.int64)
    found = color_statistics(pieces(), labels)
    scaled = pieces().reshape(-1, 3) / 255
    assert np.allclose(found.mean, scaled.mean(axis=0))
    assert np.allclose(found.deviation, scaled.std(axis=0), rtol=1e-5)
    for label in (0, 1):
        assert np.allclose(found.class_means[label], pieces()[labels == label].mean(axis=0) / 255)


def test_headers_are_what_pillow_says_and_traits_count_them(tmp_path: Path) -> None:
    for number in range(6):
        mode = "L" if number < 2 else "RGB"
        Image.new(mode, (7, 5 + number)).save(tmp_path / f"{number}.png")
    (tmp_path / "9.png").write_bytes(b"")
    headers = read_headers(list_images(tmp_path), threads=2)
    assert headers[-1] is None
    readable = [header for header in headers if header is not None]
    assert [header.height for header in readable] == [5, 6, 7, 8, 9, 10]
    labels = np.array([0, 0, 0, 1, 1, 1])
    rows = traits([header.mode for header in readable], labels)
    assert {(row.value, row.zeros, row.ones) for row in rows} == {("L", 2, 0), ("RGB", 1, 3)}
    assert len(leaky_traits(rows)) == 2
    assert (
        Counter(row.value for row in leaky_traits([rows[0]._replace(zeros=3, ones=3)])) == Counter()
    )


def test_a_folder_without_labels_is_refused(
    tmp_path: Path, make_folder: Callable[..., Path]
) -> None:
    folder = make_folder(images=12, minority=4)
    (folder / "label_train.txt").unlink()
    with pytest.raises(UserError, match="No labels"):
        explore(LabelledFolder(str(folder), cache_dir=str(tmp_path)), None, 3, 0, False)


def test_a_test_folder_that_is_not_there_is_refused(
    tmp_path: Path, make_folder: Callable[..., Path]
) -> None:
    data = LabelledFolder(str(make_folder(images=12, minority=4)), cache_dir=str(tmp_path))
    with pytest.raises(UserError, match="nowhere"):
        explore(data, tmp_path / "nowhere", 3, 0, False)


def test_the_leak_across_folds_vanishes_with_groups(album: Path, tmp_path: Path) -> None:
    data = LabelledFolder(str(album), cache_dir=str(tmp_path / "cache"))
    found = explore(data, album / "other", folds=5, seed=0, try_groups=True)
    pairs = [
        {"file": str(found.listing.files[one]), "other": str(found.listing.files[two])}
        for one, two in zip(found.pairs.first, found.pairs.second, strict=True)
    ]
    assert len(pairs) >= PLANTED
    write_groups(found, tmp_path / "groups.csv")
    assert torn_pairs(album, None, pairs) > len(pairs) / 2
    assert torn_pairs(album, tmp_path / "groups.csv", pairs) == 0
    assert found.folds is not None
    assert found.folds.split_pairs > len(pairs) / 2
    assert found.folds.split_pairs_with_groups == 0
    parser = Strict()
    parser.feed(exploration_page(found, seed=0).html())
    assert parser.open == []
