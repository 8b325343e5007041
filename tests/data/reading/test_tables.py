"""Tables in the forms in which people have them."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.listings import read, refusal, touch
from imbclf.data.listing import Listing
from imbclf.errors import UserError

LABELS = [int(number % 4 == 0) for number in range(12)]
NAMES = [f"{number:02d}.png" for number in range(12)]


def labels_of(listing: Listing) -> dict[str, int]:
    assert listing.labels is not None
    return dict(zip(listing.files.tolist(), listing.labels.tolist(), strict=True))


EXPECTED = dict(zip(NAMES, LABELS, strict=True))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "  "])
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_delimiters_headers_and_encodings(
    tmp_path: Path, delimiter: str, header: bool, encoding: str
) -> None:
    names = [f"ü{name}" for name in NAMES]
    touch(tmp_path, *names)
    rows = [f"{name}{delimiter}{label}" for name, label in zip(names, LABELS, strict=True)]
    text = "\n".join([f"file{delimiter}label", *rows] if header else rows) + "\n"
    (tmp_path / "labels.csv").write_bytes(text.encode(encoding))
    listing = read(tmp_path)
    assert labels_of(listing) == dict(zip(names, LABELS, strict=True))
    guessed = encoding in ("utf-16", "cp1252")
    assert any("was read as" in note for note in listing.account.notes) is guessed


@pytest.mark.parametrize(
    "head", ["# made, by a tool\n\n# twice\nfile,label", "# of 2024\n#file,label"]
)
def test_comments_above_a_table(tmp_path: Path, head: str) -> None:
    names = [f"#{name}" for name in NAMES]
    touch(tmp_path, *names)
    rows = [f"{name},{label}" for name, label in zip(names, LABELS, strict=True)]
    (tmp_path / "labels.csv").write_text("\n".join([head, *rows]))
    listing = read(tmp_path)
    assert labels_of(listing) == dict(zip(names, LABELS, strict=True))
    assert listing.sources is not None
    assert listing.sources[0] == f"labels.csv:{2 + head.count(chr(10))}"


@pytest.mark.parametrize("form", ["records", "columns", "mapping", "lines", "parquet", "excel"])
def test_json_parquet_and_excel(tmp_path: Path, form: str) -> None:
    touch(tmp_path, *NAMES)
    frame = pd.DataFrame({"file": NAMES, "text": ['a, "b"'] * 12, "label": LABELS})
    if form == "parquet":
        pytest.importorskip("pyarrow")
        frame.to_parquet(tmp_path / "labels.parquet")
    elif form == "excel":
        pytest.importorskip("openpyxl")
        frame.to_excel(tmp_path / "labels.xlsx", index=False)
    elif form == "lines":
        (tmp_path / "labels.jsonl").write_text(frame.to_json(orient="records", lines=True))
    else:
        content = {
            "records": frame.to_dict("records"),
            "columns": frame.to_dict("list"),
            "mapping": EXPECTED,
        }[form]
        (tmp_path / "labels.json").write_text(json.dumps(content))
    assert labels_of(read(tmp_path)) == EXPECTED


def table(root: Path, header: Sequence[str], *columns: Sequence[object]) -> None:
    frame = pd.DataFrame(dict(zip(header, columns, strict=True)))
    frame.to_csv(root / "labels.csv", index=False)


@pytest.mark.parametrize("column", ["image_id", "FileName", "path", "img"])
def test_usual_names_of_columns_are_found(tmp_path: Path, column: str) -> None:
    touch(tmp_path, *NAMES)
    table(tmp_path, [column, "age", "target"], NAMES, range(30, 42), LABELS)
    listing = read(tmp_path)
    assert labels_of(listing) == EXPECTED
    assert listing.account.columns == {"file": column, "label": "target"}
    assert listing.account.unused_columns == ["age"]


def test_a_table_whose_label_is_not_told_lists_its_columns(tmp_path: Path) -> None:
    touch(tmp_path, *NAMES)
    table(tmp_path, ["file", "dx"], NAMES, ["mel", "nv", "bkl"] * 4)
    message = refusal(tmp_path)
    assert "data.label=COLUMN" in message
    assert "dx: mel, nv, bkl" in message
    # With more than two values no map is invented.
    assert "data.positive=[...]" in refusal(tmp_path, label="dx")
    listing = read(tmp_path, label="dx", positive=["mel", "bkl"])
    assert listing.label_names == ("nv", "mel+bkl")
    assert listing.labels is not None
    assert listing.labels.tolist() == [1, 0, 1] * 4
    assert read(tmp_path, label="dx", positive="MEL ").label_names == ("rest", "mel")
    assert "no label is mell" in refusal(tmp_path, label="dx", positive="mell")


def test_a_column_may_be_named_by_its_number(tmp_path: Path) -> None:
    touch(tmp_path, *NAMES)
    rows = [
        f"mono {name} {label / 3} x" for name, label in zip(NAMES, [0, 1, 2, 3] * 3, strict=True)
    ]
    (tmp_path / "cells.txt").write_text("\n".join(rows))
    listing = read(tmp_path, file=1, label=2, positive=[2 / 3, 1.0])
    assert listing.labels is not None
    assert listing.labels.tolist() == [0, 0, 1, 1] * 3
    assert "no such column" in refusal(tmp_path, file=1, label=9)


def test_several_columns_of_zero_and_one(tmp_path: Path) -> None:
    touch(tmp_path, *NAMES)
    mel, bcc = [1.0, 0.0, 0.0] * 4, [0.0, 1.0, 0.0] * 4
    table(tmp_path, ["image", "MEL", "BCC", "NV"], NAMES, mel, bcc, [0.0, 0.0, 1.0] * 4)
    listing = read(tmp_path, label=["MEL", "BCC"])
    assert listing.labels is not None
    assert listing.labels.tolist() == [1, 1, 0] * 4


def test_cells_of_several_labels(tmp_path: Path) -> None:
    touch(tmp_path, *NAMES)
    table(tmp_path, ["file", "label"], NAMES, ["Mass|Edema", "Edema", "No Finding"] * 4)
    listing = read(tmp_path, positive=["mass"])
    assert listing.labels is not None
    assert listing.labels.tolist() == [1, 0, 0] * 4


def test_dropped_rows_are_counted_and_blank_ones_are_an_error(tmp_path: Path) -> None:
    touch(tmp_path, *NAMES)
    table(tmp_path, ["file", "label"], NAMES, ["0.0", "1.0", "", "-1.0"] * 3)
    message = refusal(tmp_path)
    assert "no label on line 4, 8, 12" in message
    assert "'data.drop=[-1.0]'" in message
    listing = read(tmp_path, drop=["", -1])
    assert len(listing) == 6
    reasons = [(one.reason, one.label) for one in listing.account.left_out]
    assert sorted(reasons) == [("label dropped", "-1.0")] * 3 + [("label dropped", "blank")] * 3


def test_missing_files(tmp_path: Path) -> None:
    touch(tmp_path, *NAMES[1:])
    table(tmp_path, ["file", "label"], NAMES, LABELS)
    assert "1 file is not in" in refusal(tmp_path)
    listing = read(tmp_path, missing="skip")
    assert labels_of(listing) == {name: EXPECTED[name] for name in NAMES[1:]}
    assert listing.account.left_out == [(NAMES[0], "missing", "1")]


def test_repeated_files_and_contradictions(tmp_path: Path) -> None:
    touch(tmp_path, *NAMES)
    table(tmp_path, ["file", "label"], [*NAMES, "00.png", "01.png"], [*LABELS, 1, 1])
    message = refusal(tmp_path)
    assert "2 files are named twice or more: 00.png, 01.png; 1 of them with contra" in message
    listing = read(tmp_path, duplicates="first")
    assert labels_of(listing) == EXPECTED
    assert "contradicting labels: 01.png" in listing.account.notes[0]


def test_unlisted_images_are_label_0_if_asked(tmp_path: Path) -> None:
    touch(tmp_path, *(f"train_images/{name}" for name in NAMES), "elsewhere/1.png")
    faulty = [name for name, label in EXPECTED.items() if label]
    table(tmp_path, ["file", "kind"], faulty, ["scratch", "hole", "hole"])
    options = {"label": "kind", "positive": ["hole", "scratch"], "images": "train_images"}
    assert "all 3 labels are 1; two classes are needed" in refusal(tmp_path, **options)
    listing = read(tmp_path, **options, unlisted=0)
    assert len(listing) == 12
    assert listing.label_names == ("rest", "hole+scratch")
    assert {file for file, label in labels_of(listing).items() if label} == {
        f"train_images/{name}" if str(listing.root) == str(tmp_path) else name for name in faulty
    }


@pytest.mark.parametrize("options", [{}, {"suffix": ".jpg"}, {"suffix": "auto"}])
def test_names_without_suffix(tmp_path: Path, options: dict[str, str]) -> None:
    touch(tmp_path, *(f"a/{name.replace('png', 'jpg')}" for name in NAMES))
    table(tmp_path, ["file", "label"], [name.removesuffix(".png") for name in NAMES], LABELS)
    listing = read(tmp_path, **options)
    found = {
        Path(file).name.replace("jpg", "png"): code for file, code in labels_of(listing).items()
    }
    assert found == EXPECTED


def test_a_prefix_that_is_not_there_is_taken_off(tmp_path: Path) -> None:
    touch(tmp_path, *(f"train/p{number % 3}/{name}" for number, name in enumerate(NAMES)))
    names = [f"D:\\old\\train\\p{number % 3}\\{name}" for number, name in enumerate(NAMES)]
    table(tmp_path, ["file", "label"], names, LABELS)
    for options in ({}, {"strip": "D:\\old\\"}, {"strip": "auto"}):
        listing = read(tmp_path, group="none", **options)
        found = {Path(file).name: label for file, label in labels_of(listing).items()}
        assert found == EXPECTED
    assert any("D:/old/" in note for note in read(tmp_path, group="none").account.notes)


def test_names_that_mean_several_files_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{side}/{name}" for name in NAMES for side in ("left", "right")))
    table(tmp_path, ["file", "label"], NAMES, LABELS)
    assert "mean several files" in refusal(tmp_path)
    assert len(read(tmp_path, images="left")) == 12
    both = refusal(tmp_path, images=["left", "right"])
    assert "more than one folder of data.images" in both or "mean several files" in both


def test_images_in_several_folders(tmp_path: Path) -> None:
    touch(tmp_path, *(f"part_{number % 2}/{name}" for number, name in enumerate(NAMES)))
    table(tmp_path, ["file", "label"], NAMES, LABELS)
    for images in (["part_0", "part_1"], None):
        listing = read(tmp_path, images=images)
        assert {Path(file).name: code for file, code in labels_of(listing).items()} == EXPECTED
        assert all((listing.root / file).exists() for file in listing.files)


IDENTITY = [f"P{number // 3}" for number in range(12)]


@pytest.mark.parametrize("name", ["patient_id", "PatientID", "lesion", "case_no", "Subject", "pid"])
def test_a_column_of_identities_must_be_used_or_refused(tmp_path: Path, name: str) -> None:
    touch(tmp_path, *NAMES)
    table(tmp_path, ["file", "label", name], NAMES, LABELS, IDENTITY)
    message = refusal(tmp_path)
    assert f"data.group={name}" in message
    assert "data.group=none" in message
    groups = read(tmp_path, group=name).groups
    assert groups is not None
    assert groups.tolist() == IDENTITY
    assert read(tmp_path, group="none").groups is None


def test_identities_are_known_by_their_values_too(tmp_path: Path) -> None:
    names = [f"{number}.png" for number in range(60)]
    touch(tmp_path, *names)
    table(
        tmp_path, ["file", "label", "who"], names, [0, 1] * 30, [f"x{n // 4}y" for n in range(60)]
    )
    assert "who (15 on 60 rows)" in refusal(tmp_path)


def test_numbers_whose_images_have_one_label_and_stand_together_are_identities(
    tmp_path: Path,
) -> None:
    names = [f"{number}.png" for number in range(120)]
    touch(tmp_path, *names)
    fish = [number // 6 for number in range(120)]
    rng = np.random.default_rng(0)
    sick = rng.permutation([0, 1] * 10)[fish].tolist()
    table(tmp_path, ["file", "label", "fish"], names, sick, fish)
    assert "data.group=fish" in refusal(tmp_path)
    # A score that the label was made from is no identity.
    table(tmp_path, ["file", "label", "score"], names, [int(f > 12) for f in fish], fish)
    assert read(tmp_path).groups is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sex", lambda number: "fm"[number % 2]),
        ("patient_age", lambda number: 30 + number % 25),
        ("exposure", lambda number: 0.1 * (number % 20)),
        ("taken", lambda number: f"2023-05-{1 + number // 3:02d}"),
        ("uid", lambda number: f"u{number}"),
        ("width", lambda number: 100 + number % 20),
    ],
)
def test_harmless_columns_stop_nobody(tmp_path: Path, name: str, value: object) -> None:
    names = [f"{number}.png" for number in range(60)]
    touch(tmp_path, *names)
    assert callable(value)
    table(tmp_path, ["file", "label", name], names, [0, 1] * 30, [value(n) for n in range(60)])
    listing = read(tmp_path)
    assert (len(listing), listing.groups) == (60, None)
    assert listing.account.unused_columns == [name]


@pytest.mark.parametrize("words", [("train", "val", "test"), ("Training", "Valid", "Testing")])
def test_a_split_column_is_kept(tmp_path: Path, words: tuple[str, ...]) -> None:
    touch(tmp_path, *NAMES)
    division = [words[number % 3] for number in range(12)]
    table(tmp_path, ["file", "label", "split"], NAMES, [0, 0, 0, 1, 1, 1] * 2, division)
    parts = read(tmp_path).parts
    assert parts is not None
    assert parts.tolist() == ["fit", "dev", "test"] * 4
    assert read(tmp_path, part="none").parts is None
    turned = read(tmp_path, test=[words[1]]).parts
    assert turned is not None
    assert turned.tolist() == ["fit", "test", "test"] * 4


def test_a_column_is_a_division_by_its_values_whatever_its_name(tmp_path: Path) -> None:
    touch(tmp_path, *NAMES)
    division = ["Train", "Train", "Test"] * 4
    table(tmp_path, ["file", "label", "mode"], NAMES, LABELS, division)
    listing = read(tmp_path)
    assert listing.parts is not None
    assert (listing.parts == "test").tolist() == [one == "Test" for one in division]
    assert any("column mode was taken for parts" in note for note in listing.account.notes)
    views = ["public", "private", "test"] * 4  # no word for training: not a division
    table(tmp_path, ["file", "label", "mode"], NAMES, LABELS, views)
    assert read(tmp_path).parts is None


def test_of_minus_one_and_one_the_latter_is_suggested(tmp_path: Path) -> None:
    touch(tmp_path, *NAMES)
    table(tmp_path, ["file", "label"], NAMES, [2 * label - 1 for label in LABELS])
    assert "data.positive=[1]" in refusal(tmp_path)
    assert labels_of(read(tmp_path, positive=[1])) == EXPECTED


def test_flags_and_numbers_of_a_division(tmp_path: Path) -> None:
    touch(tmp_path, *NAMES)
    labels, thirds = [0, 0, 0, 1, 1, 1] * 2, [number % 3 for number in range(12)]
    table(tmp_path, ["file", "label", "is_valid"], NAMES, labels, [n == 1 for n in thirds])
    parts = read(tmp_path).parts
    assert parts is not None
    assert parts.tolist() == ["fit", "dev", "fit"] * 4
    table(tmp_path, ["file", "label", "split"], NAMES, labels, thirds)
    message = refusal(tmp_path)
    assert "column split is called like a division into parts, and holds 0, 1, 2" in message
    tested = read(tmp_path, part="split", test=[2]).parts
    assert tested is not None
    assert tested.tolist() == ["", "", "test"] * 4
    folds = read(tmp_path, part="split").parts
    assert folds is not None
    assert folds.tolist() == ["0", "1", "2"] * 4
    assert read(tmp_path, part="none").parts is None


def test_folds_are_kept_and_a_part_that_lacks_a_class_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, *NAMES)
    folds = [number % 3 for number in range(12)]
    table(tmp_path, ["file", "label", "fold"], NAMES, [0, 0, 0, 1, 1, 1] * 2, folds)
    parts = read(tmp_path).parts
    assert parts is not None
    assert parts.tolist() == [str(fold) for fold in folds]
    table(tmp_path, ["file", "label", "fold"], NAMES, [int(fold == 0) for fold in folds], folds)
    message = refusal(tmp_path)
    assert "part 0, 1, 2 lacks images of a label" in message
    assert "data.part=none" in message
    assert read(tmp_path, part="none").parts is None


def test_groups_must_not_lie_in_two_parts(tmp_path: Path) -> None:
    touch(tmp_path, *NAMES)
    division = ["train", "test"] * 6
    table(
        tmp_path,
        ["file", "label", "split", "patient"],
        NAMES,
        [0, 0, 1, 1] * 3,
        division,
        IDENTITY,
    )
    assert "groups in more than one part" in refusal(tmp_path, group="patient")


def test_tables_called_like_parts_are_parts(tmp_path: Path) -> None:
    for part in ("train", "test"):
        touch(tmp_path, *(f"{part}/{name}" for name in NAMES))
        rows = [f"{name} {label}" for name, label in EXPECTED.items()]
        (tmp_path / f"{part}.txt").write_text("\n".join(rows))
    listing = read(tmp_path)
    assert listing.parts is not None
    assert sorted(listing.parts.tolist()) == ["fit"] * 12 + ["test"] * 12
    assert labels_of(listing) == {
        f"{part}/{name}": label for name, label in EXPECTED.items() for part in ("train", "test")
    }


def test_a_header_without_the_name_of_the_first_column(tmp_path: Path) -> None:
    touch(tmp_path, *NAMES)
    rows = [f"{name} -1  {2 * label - 1:2d}" for name, label in EXPECTED.items()]
    (tmp_path / "list.txt").write_text("\n".join(["12", "Bald Eyeglasses", *rows]))
    assert labels_of(read(tmp_path, label="Eyeglasses", positive=1)) == EXPECTED


def test_a_table_of_something_else_beside_class_folders_is_said(tmp_path: Path) -> None:
    touch(tmp_path, "good/1.png", "bad/1.png")
    (tmp_path / "camera.csv").write_text("key,value\niso,100\n")
    listing = read(tmp_path)
    assert labels_of(listing) == {"bad/1.png": 0, "good/1.png": 1}
    assert "camera.csv names no images here" in listing.account.notes[0]


def test_spellings_of_two_words_are_two_classes(tmp_path: Path) -> None:
    touch(tmp_path, *NAMES)
    table(tmp_path, ["file", "label"], NAMES, ["Good", "good ", " GOOD", "bad"] * 3)
    message = refusal(tmp_path)
    assert "'data.positive=[bad]'" in message
    listing = read(tmp_path, positive=["bad"])
    assert listing.labels is not None
    assert listing.labels.tolist() == [0, 0, 0, 1] * 3
    assert listing.label_names == ("Good", "bad")
    assert read(tmp_path, positive=["bad"], names=["fine", "faulty"]).label_names == (
        "fine",
        "faulty",
    )


def test_a_listing_that_was_written_is_read_again(tmp_path: Path) -> None:
    from imbclf.data.reading.write_listing import write_listing

    touch(tmp_path, *(f"images/{name}" for name in NAMES))
    division = ["train", "test"] * 6
    table(
        tmp_path,
        ["id_code", "target", "split", "patient"],
        [name.removesuffix(".png") for name in NAMES],
        [0, 0, 1, 1] * 3,
        division,
        [f"P{number % 4}" for number in range(12)],
    )
    first = read(tmp_path, group="patient")
    write_listing(first, tmp_path / "run")
    again = read(tmp_path, labels=str(tmp_path / "run" / "listing.csv"))
    for one, other in ((first.labels, again.labels), (first.groups, again.groups)):
        assert one is not None
        assert other is not None
        assert np.array_equal(one, other)
    assert first.parts is not None
    assert again.parts is not None
    assert first.parts.tolist() == again.parts.tolist()
    assert [first.root / file for file in first.files] == [
        again.root / file for file in again.files
    ]


def test_annotations_of_objects(tmp_path: Path) -> None:
    """Two of the twelve images have a crack, one of them two and a stain besides."""
    touch(tmp_path, *(f"images/{name}" for name in NAMES))
    content = {
        "images": [
            {"id": 100 + place, "file_name": name, "width": 8, "height": 8, "panel": place // 3}
            for place, name in enumerate(NAMES)
        ],
        "annotations": [
            {"id": place, "image_id": image, "category_id": category, "bbox": [0, 0, 2, 2]}
            for place, (image, category) in enumerate([(103, 4), (103, 4), (103, 9), (107, 4)])
        ],
        "categories": [{"id": 4, "name": "crack"}, {"id": 9, "name": "stain"}],
    }
    (tmp_path / "instances.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"none \(10\), crack\|stain \(1\), crack \(1\)"):
        read(tmp_path, group="none")
    listing = read(tmp_path, positive=["crack"], group="panel")
    cracked = ("images/03.png", "images/07.png")
    assert labels_of(listing) == {f"images/{name}": 0 for name in NAMES} | dict.fromkeys(cracked, 1)
    del content["images"][0]["id"]
    (tmp_path / "instances.json").write_text(json.dumps(content))
    assert "images with id and file_name" in refusal(tmp_path)


def test_labels_that_are_names_of_images_too(tmp_path: Path) -> None:
    """0 and 1 name images where a suffix is guessed; the column of names has more than these."""
    touch(tmp_path, *(f"images/{number}.jpg" for number in range(12)))
    for part, numbers in (("train", range(8)), ("test", range(8, 12))):
        lines = [f"{number}.jpg {LABELS[number]}" for number in numbers]
        (tmp_path / f"{part}.txt").write_text("\n".join(lines))
    listing = read(tmp_path)
    expected = {f"images/{number}.jpg": label for number, label in enumerate(LABELS)}
    assert labels_of(listing) == expected
    assert listing.parts is not None
    assert (listing.parts == "test").sum() == 4


def test_a_name_with_a_blank_is_quoted_where_it_is_advised(tmp_path: Path) -> None:
    touch(tmp_path, *NAMES)
    rows = [f"{name},{LABELS[place]},{place // 3}" for place, name in enumerate(NAMES)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label,Patient ID", *rows]))
    assert "say 'data.group=Patient ID', or data.group=none" in refusal(tmp_path)


@pytest.mark.parametrize("names", [["parasitized", "healthy"], ["Parasitized ", "0"]])
def test_names_in_the_wrong_order_are_refused(tmp_path: Path, names: list[str]) -> None:
    """Label 1 of a column means what the column is called; a word means itself."""
    touch(tmp_path, *NAMES)
    rows = [f"{name},{LABELS[place]}" for place, name in enumerate(NAMES)]
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["file,parasitized", *rows]))
    assert "the first name is that of label 0" in refusal(
        tmp_path, label="parasitized", names=names
    )
    turned = read(tmp_path, label="parasitized", names=names[::-1])
    assert turned.label_names == (names[1], names[0])
    words = [f"{name},{['fine', 'parasitized'][LABELS[at]]}" for at, name in enumerate(NAMES)]
    table.write_text("\n".join(["file,label", *words]))
    options = {"positive": "parasitized", "names": names}
    assert "parasitized is label 1" in refusal(tmp_path, **options)
    assert read(tmp_path, positive="fine", names=["parasitized", "good"]).label_names[1] == "good"
