import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, strategies as st
from natsort import natsorted
from omegaconf import OmegaConf

from imbclf.data.image_files import natural_order
from imbclf.data.listing import Listing, list_images
from imbclf.data.reading.options import ReadingOptions
from imbclf.data.reading.read import list_labelled
from imbclf.errors import UserError

Touch = Callable[..., None]


@pytest.fixture
def touch(tmp_path: Path) -> Touch:
    """Make empty files: a listing never looks into an image."""

    def touch(*files: str) -> None:
        for file in files:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).touch()

    return touch


def founding(root: Path, text: str | bytes, count: int = 12) -> Path:
    (root / "train_img").mkdir()
    for number in range(1, count + 1):
        (root / "train_img" / f"{number}.jpg").touch()
    content = text.encode() if isinstance(text, str) else text
    (root / "label_train.txt").write_bytes(content)
    return root


def refusal(root: Path, label_map: Mapping[str, int] | None = None, **options: str) -> str:
    with pytest.raises(UserError) as caught:
        list_labelled(root, ReadingOptions(label_map=label_map, **options))  # type: ignore[arg-type]
    return str(caught.value)


# Images without labels


def test_images_are_found_below_in_natural_order_and_system_files_are_not(
    tmp_path: Path, touch: Touch
) -> None:
    touch("10.jpg", "2.JPG", "1.png", "b/1.webp", "a10/1.bmp", "a2/10.Jpeg", "a2/9.jpg")
    touch(".hidden.jpg", ".trash/1.jpg", "__MACOSX/1.jpg", "@eaDir/1.jpg", "Thumbs.db", "x.txt")
    listing = list_images(tmp_path)
    expected = ["1.png", "2.JPG", "10.jpg", "a2/9.jpg", "a2/10.Jpeg", "a10/1.bmp", "b/1.webp"]
    assert listing.files.tolist() == expected
    assert (listing.root, listing.labels, listing.groups) == (tmp_path, None, None)


def test_folders_are_in_natural_order_of_their_names(tmp_path: Path, touch: Touch) -> None:
    expected = [
        f"{folder}{name}"
        for folder in ("", "a/", "a2/", "a10/", "a b/", "a-b/", "a/b/", "ä/")
        for name in ("9.jpg", "10.jpg", "a longer name.jpg")
    ]
    backwards = expected[::-1]
    touch(*backwards)
    files = list_images(tmp_path).files
    assert files.tolist() == expected
    assert files.dtype == np.array(expected).dtype
    assert [backwards[index] for index in natural_order(backwards)] == expected


def test_no_image_names_the_folder_and_the_suffixes(tmp_path: Path, touch: Touch) -> None:
    touch("notes.txt", "scan.xyz")
    with pytest.raises(UserError, match=r"\.jpg, \.jpeg, .*\.tif") as caught:
        list_images(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(("name", "reason"), [("none", "No such file"), ("x.jpg", "Not a dir")])
def test_a_missing_folder_is_refused(tmp_path: Path, touch: Touch, name: str, reason: str) -> None:
    touch("x.jpg")
    with pytest.raises(UserError, match=f"{name}.*{reason}"):
        list_images(tmp_path / name)


def test_links_are_followed_but_not_in_circles(tmp_path: Path, touch: Touch) -> None:
    touch("data/a/1.jpg", "elsewhere/2.jpg")
    (tmp_path / "data" / "a" / "back").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "broken.jpg").symlink_to(tmp_path / "gone.jpg")
    files = list_images(tmp_path / "data").files.tolist()
    assert files == ["broken.jpg", "a/1.jpg", "linked/2.jpg"]


def test_only_files_are_images(tmp_path: Path, touch: Touch) -> None:
    touch("1.jpg")
    os.mkfifo(tmp_path / "2.jpg")  # to open it would wait for ever
    (tmp_path / "3.jpg").mkdir()
    assert list_images(tmp_path).files.tolist() == ["1.jpg"]


@pytest.mark.parametrize("folder", ["", "a/b/"])
def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path, touch: Touch, folder: str) -> None:
    touch(f"{folder}1.jpg")
    (tmp_path / folder / os.fsdecode(b"caf\xe9.jpg")).touch()
    with pytest.raises(UserError, match=rf"not UTF-8: '{folder}caf\\udce9\.jpg'"):
        list_images(tmp_path)


@given(st.lists(st.text("019ab.-_é", min_size=1, max_size=6), unique=True, min_size=1))
def test_natural_order_is_natsort(names: list[str]) -> None:
    ordered = [names[index] for index in natural_order(names)]
    assert ordered == natsorted(sorted(names))


@given(st.permutations([f"{number:04d}.jpg" for number in range(8, 12)]))
def test_natural_order_of_zero_padded_names(names: list[str]) -> None:
    assert [names[index] for index in natural_order(names)] == natsorted(names)


@given(st.permutations(["1.jpg", "01.jpg", "001.jpg", "2.jpg"]))
def test_natural_order_does_not_depend_on_the_order_of_the_folder(names: list[str]) -> None:
    ordered = [names[index] for index in natural_order(names)]
    assert ordered == ["001.jpg", "01.jpg", "1.jpg", "2.jpg"]


def test_take() -> None:
    listing = Listing(
        Path("x"), np.array(["a", "b", "c"]), np.array([0, 1, 1]), np.array(["p", "q", "r"])
    )
    part = listing.take([2, 0])
    assert part.files.tolist() == ["c", "a"]
    assert part.labels is not None
    assert part.groups is not None
    assert (part.labels.tolist(), part.groups.tolist(), len(part)) == ([1, 0], ["r", "p"], 2)


# Layout 1: one label a line


@pytest.mark.parametrize(
    "text",
    [
        "0\n1\n1\n",
        "0\n1\n1",
        "\ufeff0\r\n1\r\n1\r\n",
        " 0 \n1\t\n 1\n\n\n",
        "0\r1\r1\r",
        "0.0\n1.0\n1\n",
    ],
)
def test_lines_label_the_images_in_natural_order(tmp_path: Path, text: str) -> None:
    founding(tmp_path, text, count=3)
    (tmp_path / "train_img" / "3.jpg").rename(tmp_path / "train_img" / "10.jpg")
    listing = list_labelled(tmp_path, ReadingOptions())
    assert listing.root == tmp_path / "train_img"
    assert listing.files.tolist() == ["1.jpg", "2.jpg", "10.jpg"]
    assert listing.labels is not None
    assert listing.labels.dtype == np.int64
    assert listing.labels.tolist() == [0, 1, 1]
    assert listing.label_names == ("0", "1")


def test_too_few_labels(tmp_path: Path) -> None:
    message = refusal(founding(tmp_path, "0\n1\n"))
    assert "2 labels for 12 images" in message
    assert "3.jpg, 4.jpg, 5.jpg, 6.jpg, 7.jpg and 5 more" in message


def test_all_problems_of_a_text_file_are_reported_at_once(tmp_path: Path) -> None:
    message = refusal(founding(tmp_path, "0\n\n1\n\n" + "1\n" * 10 + "O\n"))
    assert str(tmp_path / "label_train.txt") in message
    assert "no label on line 2, 4" in message
    assert "15 labels for 12 images" in message
    assert "no image for the lines from 13 on" in message
    assert "O (1)" in message


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"0\n1\n\x81\n", "byte 4 is not UTF-8"),
        (b"0\n1\n\x00\n", "zero bytes"),
    ],
)
def test_files_that_are_not_text_are_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    message = refusal(founding(tmp_path, content))
    assert problem in message
    assert str(tmp_path / "label_train.txt") in message


def test_a_folder_in_place_of_the_labels(tmp_path: Path) -> None:
    founding(tmp_path, "")
    (tmp_path / "label_train.txt").unlink()
    (tmp_path / "label_train.txt").mkdir()
    assert "label_train.txt is a folder" in refusal(tmp_path)


def test_missing_labels_are_refused(tmp_path: Path, touch: Touch) -> None:
    touch("train_img/1.jpg", "val_img/1.jpg")
    assert "No such file" in refusal(tmp_path, labels="mine.txt")
    # Without a name, train_img and val_img must not pass for two classes.
    assert "No labels for the images in" in refusal(tmp_path)


def test_labels_without_their_image_folder(tmp_path: Path) -> None:
    message = refusal(founding(tmp_path, "0\n1\n"), images="photos")
    assert f"{tmp_path / 'photos'}, which is not a folder" in message
    assert "data.images=" in message


def test_one_class_is_refused(tmp_path: Path) -> None:
    assert "all 12 labels are 1; two classes" in refusal(founding(tmp_path, "1\n" * 12))


# Spellings


def test_two_words_need_a_choice_and_the_error_suggests_the_rarer(
    tmp_path: Path,
) -> None:
    founding(tmp_path, "good\nbad\n" + "good\n" * 10)
    message = refusal(tmp_path)
    assert "good (11), bad (1)" in message
    assert "'data.positive=[bad]'" in message
    listing = list_labelled(tmp_path, ReadingOptions(label_map={"good": 1, "bad": 0}))
    assert listing.labels is not None
    assert listing.labels.tolist() == [1, 0] + [1] * 10
    assert listing.label_names == ("bad", "good")


@pytest.mark.parametrize(
    ("first", "second"),
    [("a b", "c"), ("a:b", "a,b"), ("x=y", "{z}"), ("[1]", "(2)"), ("1", "2"), ("a\\b", "True")],
)
def test_the_option_that_an_error_shows_works_when_typed(
    tmp_path: Path, first: str, second: str
) -> None:
    founding(tmp_path, f"{first}\n{second}\n", count=2)
    option = refusal(tmp_path).partition("for example ")[2].partition("\n")[0]
    (typed,) = shlex.split(option)
    override = OverridesParser.create().parse_override(typed)
    positive = OmegaConf.create({"x": override.value()}).x
    listing = list_labelled(tmp_path, ReadingOptions(positive=[*positive]))
    assert listing.labels is not None
    assert sorted(listing.labels.tolist()) == [0, 1]


def test_several_spellings_for_one_label(tmp_path: Path) -> None:
    founding(tmp_path, "cat\ndog\nwolf\n", count=3)
    listing = list_labelled(tmp_path, ReadingOptions(label_map={"cat": 0, "dog": 1, "wolf": 1}))
    assert listing.labels is not None
    assert listing.labels.tolist() == [0, 1, 1]
    assert listing.label_names == ("cat", "dog+wolf")


def test_a_map_can_turn_zero_and_one_around(tmp_path: Path) -> None:
    founding(tmp_path, "0\n1\n1\n", count=3)
    listing = list_labelled(tmp_path, ReadingOptions(label_map={0: 1, 1: 0}))  # type: ignore[dict-item]
    assert listing.labels is not None
    assert listing.labels.tolist() == [1, 0, 0]


@pytest.mark.parametrize("text", ["true\nfalse\n", "True\nFalse\n", "TRUE\nFALSE\n"])
def test_yaml_reads_some_keys_as_bools(tmp_path: Path, text: str) -> None:
    founding(tmp_path, text, count=2)
    listing = list_labelled(tmp_path, ReadingOptions(label_map={True: 1, False: 0}))  # type: ignore[dict-item]
    assert listing.labels is not None
    assert listing.labels.tolist() == [1, 0]


def test_a_map_that_lacks_a_spelling_or_gives_another_number(tmp_path: Path) -> None:
    founding(tmp_path, "cat\ndog\nwolf\n", count=3)
    message = refusal(tmp_path, {"cat": 1, "dog": 0})
    assert "data.label_map does not name 'wolf'; the labels are cat (1), dog (1)" in message
    assert "data.label_map: expected the labels 0 and 1, not 2" in refusal(
        tmp_path, {"cat": 0, "dog": 1, "wolf": 2}
    )
    assert "all 3 labels are 1" in refusal(tmp_path, {"cat": 1, "dog": 1, "wolf": 1})


def test_many_spellings_are_cut_short(tmp_path: Path) -> None:
    message = refusal(founding(tmp_path, "".join(f"{number}\n" for number in range(40)), count=40))
    assert "11 (1) and 28 more" in message
    assert "data.positive=[...]" in message


# Layout 2: a table


def write_table(root: Path, rows: Sequence[str], name: str = "labels.csv") -> Path:
    (root / name).write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


@pytest.mark.parametrize(("name", "mark"), [("l.csv", ","), ("l.tsv", "\t"), ("l.csv", ";")])
def test_a_table_is_put_in_natural_order(
    tmp_path: Path, touch: Touch, name: str, mark: str
) -> None:
    touch("10.jpg", "2.jpg", "sub/1.jpg")
    rows = ["group,label,other,File", "p,1,x,sub/1.jpg", 'q,0,"x,y",10.jpg', "p,1,,./2.jpg"]
    write_table(tmp_path, [row.replace(",", mark) for row in rows], name)
    listing = list_labelled(tmp_path, ReadingOptions())
    assert listing.root == tmp_path
    assert listing.files.tolist() == ["2.jpg", "10.jpg", "sub/1.jpg"]
    assert listing.labels is not None
    assert listing.labels.tolist() == [1, 0, 1]
    assert listing.groups is not None
    assert listing.groups.tolist() == ["p", "q", "p"]


@pytest.mark.parametrize("spell", ["{}", "train_img/{}", "train_img\\{}", "ABSOLUTE/{}"])
def test_files_lie_beside_the_table_or_in_the_image_folder(
    tmp_path: Path, touch: Touch, spell: str
) -> None:
    touch("train_img/1.jpg", "train_img/2.jpg")
    spell = spell.replace("ABSOLUTE", str(tmp_path / "train_img"))
    write_table(
        tmp_path, ["file,label", f"{spell.format('2.jpg')},0", f"{spell.format('1.jpg')},1"]
    )
    listing = list_labelled(tmp_path, ReadingOptions())
    found = [(listing.root / file).relative_to(tmp_path).as_posix() for file in listing.files]
    assert found == ["train_img/1.jpg", "train_img/2.jpg"]
    assert listing.labels is not None
    assert listing.labels.tolist() == [1, 0]
    assert listing.groups is None


def test_all_problems_of_a_table_are_reported_at_once(tmp_path: Path, touch: Touch) -> None:
    touch("1.jpg", "2.jpg")
    rows = ["file,label,group", "1.jpg,0,p", "2.jpg,maybe,", "1.jpg,1,p", "", ",1,q", "2.jpg"]
    rows += [f"gone{number}.jpg,1,r" for number in range(1, 8)]
    message = refusal(write_table(tmp_path, rows))
    assert str(tmp_path / "labels.csv") in message
    assert "maybe (1)" in message
    assert "no file on line 6" in message
    assert "no label on line 7" in message
    assert "no group on line 3, 7" in message
    assert "2 files are named twice or more: 1.jpg, 2.jpg" in message
    assert "7 files are not in" in message
    assert "gone1.jpg, gone2.jpg, gone3.jpg, gone4.jpg, gone5.jpg and 2 more" in message


def test_files_may_lie_in_several_folders(tmp_path: Path, touch: Touch) -> None:
    touch("1.jpg", "2.jpg", "3.jpg", "train_img/4.jpg", "train_img/5.jpg")
    rows = ["file,label", *(f"{number}.jpg,{number % 2}" for number in range(1, 6))]
    listing = list_labelled(write_table(tmp_path, rows), ReadingOptions())
    found = ["1.jpg", "2.jpg", "3.jpg", "train_img/4.jpg", "train_img/5.jpg"]
    assert (listing.root, listing.files.tolist()) == (tmp_path, found)
    message = refusal(write_table(tmp_path, [*rows, "gone.jpg,0"]))
    assert f"1 file is not in {tmp_path} or {tmp_path / 'train_img'}: gone.jpg" in message
    assert "data.missing=skip" in message


def test_images_not_in_the_table_are_ignored_and_accounted_for(
    tmp_path: Path, touch: Touch
) -> None:
    touch("a/1.jpg", "a/2.jpg", "a/3.jpg", "other/4.jpg")
    listing = list_labelled(
        write_table(tmp_path, ["file,label", "a/1.jpg,0", "a/2.jpg,1"]), ReadingOptions()
    )
    assert listing.files.tolist() == ["a/1.jpg", "a/2.jpg"]
    message = f"Images that {tmp_path / 'labels.csv'} does not name are ignored: 1"
    assert listing.account.notes == [message]
    assert listing.account.left_out == [("a/3.jpg", "not named", "")]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (["name,label", "1.jpg,0"], "no column file"),
        (["1.jpg,0", "2.jpg,1"], "no column file"),
        (["file,label"], "there are no labels"),
        (["file,label", '1.jpg,"0'], "line 2"),
    ],
)
def test_invalid_tables_are_refused(tmp_path: Path, rows: list[str], problem: str) -> None:
    assert problem in refusal(write_table(tmp_path, rows))


def test_several_tables_must_be_chosen_from(tmp_path: Path, touch: Touch) -> None:
    touch("1.jpg", "2.jpg")
    write_table(tmp_path, ["file,label", "1.jpg,0", "2.jpg,1"], "a.csv")
    write_table(tmp_path, ["file,label", "1.jpg,1", "2.jpg,0"], "b.TSV")
    message = refusal(tmp_path)
    assert "a.csv, b.TSV" in message
    assert "data.labels=NAME" in message
    listing = list_labelled(tmp_path, ReadingOptions(labels="b.TSV"))
    assert listing.labels is not None
    assert listing.labels.tolist() == [1, 0]


def test_labels_are_text_or_a_table(tmp_path: Path) -> None:
    assert "data.labels=labels.doc: expected" in refusal(tmp_path, labels="labels.doc")


# Layout 3: class folders


def test_class_folders_are_numbered_in_the_order_of_their_names(
    tmp_path: Path, touch: Touch
) -> None:
    touch("dog/10.jpg", "dog/2.jpg", "cat/1.jpg", "cat/deep/1.jpg", "stray.jpg", "notes/x.md")
    listing = list_labelled(tmp_path, ReadingOptions())
    assert listing.files.tolist() == ["cat/1.jpg", "cat/deep/1.jpg", "dog/2.jpg", "dog/10.jpg"]
    assert listing.labels is not None
    assert listing.labels.tolist() == [0, 0, 1, 1]
    assert listing.label_names == ("cat", "dog")
    assert listing.account.left_out == [
        ("notes/x.md", "not an image", "notes"),
        ("stray.jpg", "in no class folder", ""),
    ]
    turned = list_labelled(tmp_path, ReadingOptions(label_map={"dog": 0, "cat": 1}))
    assert turned.labels is not None
    assert turned.labels.tolist() == [1, 1, 0, 0]


def test_class_folders_called_0_and_1(tmp_path: Path, touch: Touch) -> None:
    touch("1/a.jpg", "0/a.jpg")
    listing = list_labelled(tmp_path, ReadingOptions())
    assert listing.labels is not None
    assert dict(zip(listing.files.tolist(), listing.labels.tolist(), strict=True)) == {
        "0/a.jpg": 0,
        "1/a.jpg": 1,
    }


def test_three_class_folders_need_a_choice(tmp_path: Path, touch: Touch) -> None:
    touch("cat/1.jpg", "dog/1.jpg", "wolf/1.jpg", "wolf/2.jpg")
    message = refusal(tmp_path)
    assert "wolf (2), cat (1), dog (1)" in message
    assert "data.positive=[...]" in message
    listing = list_labelled(tmp_path, ReadingOptions(label_map={"cat": 0, "dog": 1, "wolf": 1}))
    assert listing.labels is not None
    assert listing.labels.tolist() == [0, 1, 1, 1]


def test_images_without_any_label(tmp_path: Path, touch: Touch) -> None:
    touch("photos/1.jpg", "2.jpg")
    assert "No labels in" in refusal(tmp_path)
    assert "There is no folder" in refusal(tmp_path / "gone")
    assert "2.jpg is a file; data.dir must name a folder" in refusal(tmp_path / "2.jpg")
    touch("the labels.csv")
    told = refusal(tmp_path / "the labels.csv")
    assert told.endswith(f"data.dir={tmp_path} data.labels='the labels.csv'")


def test_no_heavy_module_is_imported() -> None:
    code = (
        "import sys, imbclf.data.listing, imbclf.data.image_cache\n"
        "print(*{'torch', 'pandas'} & {*sys.modules})"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == ""
