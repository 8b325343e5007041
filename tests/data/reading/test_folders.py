"""Class folders, parts above and below them, masks, and what else lies about."""

from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from helpers.listings import read, refusal, touch
from imbclf.data.listing import Listing
from imbclf.errors import UserError


def rows(listing: Listing) -> dict[str, tuple[str, str]]:
    """Return label and part, as words, of each file."""
    assert listing.labels is not None
    parts = [""] * len(listing) if listing.parts is None else listing.parts.tolist()
    names = [listing.label_names[label] for label in listing.labels]
    return dict(zip(listing.files.tolist(), zip(names, parts, strict=True), strict=True))


@pytest.mark.parametrize(
    ("train", "test"), [("train", "test"), ("Training", "Testing"), ("train_images", "test_set")]
)
@pytest.mark.parametrize("order", ["part/class", "class/part", "above/part/class"])
def test_folders_called_like_parts_are_parts(
    tmp_path: Path, train: str, test: str, order: str
) -> None:
    expected: dict[str, tuple[str, str]] = {}
    for part, folder in (("fit", train), ("test", test)):
        for label in ("good", "torn"):
            path = order.replace("part", folder).replace("class", label)
            touch(tmp_path, f"{path}/1.png", f"{path}/2.png")
            expected |= {f"{path}/{number}.png": (label, part) for number in (1, 2)}
    assert rows(read(tmp_path)) == expected
    assert read(tmp_path, part="none").parts is None


def test_a_folder_that_is_no_part_among_parts_is_no_class(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{part}/{label}/1.png" for part in ("train", "test") for label in "ab"))
    touch(tmp_path, "extra/1.png")
    message = refusal(tmp_path)
    assert "a part is no class" in message
    assert "label_map" not in message
    assert len(read(tmp_path, exclude=["extra/*"])) == 4


def test_training_images_of_one_class_are_refused_until_pooled(tmp_path: Path) -> None:
    touch(tmp_path, *(f"train/good/{number}.png" for number in range(9)))
    touch(tmp_path, "test/good/0.png", "test/hole/0.png", "test/crack/0.png")
    touch(tmp_path, "ground_truth/hole/0_mask.png", "ground_truth/crack/0_mask.png")
    message = refusal(tmp_path)
    assert "crack (1), hole (1)" in message
    assert "data.positive=[...]" in message
    message = refusal(tmp_path, positive=["crack", "hole"])
    assert "data.part=none pools" in message
    assert "data.part=folders keeps the parts, for heads that are fitted to one" in message
    kept = read(tmp_path, positive=["crack", "hole"], part="folders")
    assert kept.parts is not None
    assert kept.parts.tolist() == [
        file.split("/")[0].replace("train", "fit") for file in kept.files
    ]
    listing = read(tmp_path, positive=["crack", "hole"], part="none")
    assert len(listing) == 12
    assert listing.label_names == ("good", "crack+hole")
    assert [one.reason for one in listing.account.left_out] == ["mask", "mask"]


def test_masks_are_left_out_and_named(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "a/1_mask.png", "a/1_mask_1.png", "a/2.png", "a/3_gt.png")
    touch(tmp_path, "b/x (1).png", "b/x (1)_mask.png", "b/x-seg.png", "b/label.png")
    listing = read(tmp_path)
    assert set(listing.files) == {"a/1.png", "a/2.png", "a/3_gt.png"} | {
        "b/label.png",
        "b/x (1).png",
        "b/x-seg.png",
    }
    left_out = {one.file for one in listing.account.left_out}
    assert left_out == {"a/1_mask.png", "a/1_mask_1.png", "b/x (1)_mask.png"}


def test_folders_of_patients_below_the_classes_stop_the_run(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{label}/{who}/{n}.png" for label in "ab" for who in "pq" for n in (1, 2)))
    message = refusal(tmp_path)
    assert "data.group=folder" in message
    groups = read(tmp_path, group="folder").groups
    assert groups is not None
    assert sorted(set(groups.tolist())) == ["a/p", "a/q", "b/p", "b/q"]
    assert read(tmp_path, group="none").groups is None


def test_all_kinds_of_images_are_listed(tmp_path: Path) -> None:
    suffixes = ["tif", "TIFF", "jfif", "gif", "ppm", "avif", "jp2", "mpo", "dcm", "heic"]
    touch(tmp_path, *(f"a/1.{suffix}" for suffix in suffixes), "b/1.png")
    (tmp_path / "b" / "unnamed").write_bytes(b"\x89PNG\r\n\x1a\n")
    listing = read(tmp_path)
    assert len(listing) == len(suffixes) + 2


def test_a_class_that_would_lose_files_of_another_kind_stops_the_run(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "a/readme.txt", "b/1.png", "b/2.npy", "b/3.npy")
    message = refusal(tmp_path)
    assert "class b has 2 files .npy" in message
    listing = read(tmp_path, exclude=["*.npy"])
    assert len(listing) == 2
    reasons = {one.file: one.reason for one in listing.account.left_out}
    assert reasons == {"a/readme.txt": "not an image", "b/2.npy": "excluded", "b/3.npy": "excluded"}


def test_patterns(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{label}/{n}_{view}.png" for label in "ab" for n in "12" for view in "xy"))
    assert len(read(tmp_path, include=["*_x.png"])) == 4
    assert len(read(tmp_path, exclude="b/1*")) == 6
    assert {one.reason for one in read(tmp_path, include="*_x.png").account.left_out} == {
        "not included"
    }


def test_dropped_classes_are_no_part_of_the_rest(tmp_path: Path) -> None:
    touch(
        tmp_path,
        *(f"{label}/{number}.png" for label in ("good", "crack", "fray") for number in "12"),
    )
    touch(tmp_path, "fray/P1/1.png", "fray/P1/2.png", "fray/P2/1.png", "fray/3.xyz")
    listing = read(tmp_path, drop=["Fray"])
    assert rows(listing) == {
        **{f"crack/{number}.png": ("crack", "") for number in "12"},
        **{f"good/{number}.png": ("good", "") for number in "12"},
    }
    assert "left out 5: label dropped (fray/1.png, fray/2.png, fray/P1/1.png, ...)" in (
        listing.account.lines()
    )
    assert rows(read(tmp_path, drop=["fray"], positive=["crack"])) == rows(listing)
    assert "data.drop: no label is frai; the labels are" in refusal(
        tmp_path, drop=["frai"], positive=["crack"]
    )


def test_columns_are_refused_where_there_is_no_table(tmp_path: Path) -> None:
    touch(tmp_path, "good/1.png", "torn/1.png")
    for name in ("file", "label", "group", "part"):
        message = refusal(tmp_path, **{name: "kind"})
        assert f"data.{name}=kind: the labels are those of class folders" in message
    assert "data.include=['good/*']" in refusal(tmp_path, images="good", labels="folders")


@pytest.mark.parametrize("layout", ["folders", "table", "lines"])
def test_patterns_that_no_file_matches_are_named(tmp_path: Path, layout: str) -> None:
    files = ["a/1.png", "a/2.png", "b/3.png"]
    if layout == "lines":
        touch(tmp_path / "train_img", *files)
        (tmp_path / "label_train.txt").write_text("0\n0\n1\n")
    else:
        touch(tmp_path, *files)
    if layout == "table":
        rows = "".join(f"{file},{int(file[0] == 'b')}\n" for file in files)
        (tmp_path / "labels.csv").write_text(f"file,label\n{rows}")
    lines = read(
        tmp_path, exclude=["2*", "4*"], include=["*/1.png", "3*"], group="none"
    ).account.lines()
    said = [line for line in lines if "no file matches" in line]
    assert said == ["data.exclude: no file matches 4*"]


def test_lines_may_be_dropped_too(tmp_path: Path) -> None:
    touch(tmp_path / "train_img", *(f"{number}.png" for number in range(5)))
    (tmp_path / "label_train.txt").write_text("0\n1\n-1\n\n1\n")
    assert "no label on line 4" in refusal(tmp_path, drop=[-1])
    listing = read(tmp_path, drop=[-1, ""])
    assert listing.files.tolist() == ["0.png", "1.png", "4.png"]
    assert listing.labels is not None
    assert listing.labels.tolist() == [0, 1, 1]


def test_lines_are_matched_in_natural_or_plain_order_and_the_difference_is_said(
    tmp_path: Path,
) -> None:
    touch(tmp_path, *(f"train_img/{number}.png" for number in (1, 2, 10)))
    (tmp_path / "label_train.txt").write_text("0\n1\n0\n")
    listing = read(tmp_path)
    assert rows(listing) == {"1.png": ("0", ""), "2.png": ("1", ""), "10.png": ("0", "")}
    assert "natural order: line 2 is 2.png, line 3 is 10.png" in listing.account.notes[0]
    assert rows(read(tmp_path, order="plain"))["10.png"] == ("1", "")


WORDS = st.sampled_from(["good", "torn", "train", "test", "val", "x", "masks", "p1", "p2"])
STEMS = st.sampled_from(["1", "2", "10", "a", "a_mask", "1_gt"])
SUFFIXES = st.sampled_from([".png", ".tif", ".txt", ".npy", ""])
FILES = st.builds(
    lambda folders, stem, suffix: "/".join([*folders, stem]) + suffix,
    st.lists(WORDS, max_size=3),
    STEMS,
    SUFFIXES,
)


@given(
    files=st.sets(FILES, min_size=1, max_size=12), group=st.sampled_from([None, "folder", "none"])
)
@settings(max_examples=150, deadline=None)
def test_every_image_is_in_a_row_or_in_the_account(
    tmp_path_factory: pytest.TempPathFactory, files: set[str], group: str | None
) -> None:
    root = tmp_path_factory.mktemp("tree")
    made: set[str] = set()
    for file in sorted(files):
        if not any(other.startswith(f"{file}/") for other in files) and not any(
            file.startswith(f"{other}/") for other in made
        ):
            touch(root, file)
            made.add(file)
    try:
        listing = read(root, group=group)
    except UserError:
        return  # stops with a message of its own, and nothing is lost
    images = {file for file in made if file.endswith((".png", ".tif"))}
    used, left_out = set(listing.files.tolist()), {one.file for one in listing.account.left_out}
    assert used | left_out >= images
    assert not used & left_out
    for file, (label, _) in rows(listing).items():
        assert label in file.split("/")[:-1]
        assert label not in ("train", "test", "val")
