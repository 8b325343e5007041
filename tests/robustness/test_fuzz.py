"""Labels, tables, names and options of any kind: a message, and never a wrong pairing."""

import csv
import importlib
import io
import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hydra.core.hydra_config import HydraConfig
from hypothesis import HealthCheck, example, given, settings, strategies as st
from omegaconf import DictConfig, OmegaConf

from helpers.commands import call
from imbclf.cli.config.validation import check, drop_stale_options
from imbclf.data.listing import Listing, list_images
from imbclf.data.reading.options import ReadingOptions
from imbclf.data.reading.read import list_labelled
from imbclf.data.splits import Fold
from imbclf.errors import UserError
from imbclf.evaluation.run_directory import (
    read_oof,
    read_splits,
    write_oof,
    write_splits,
)

FEW = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
MANY = settings(FEW, max_examples=2000)

NUMBERED = [f"{number}.png" for number in range(1, 13)]  # 2 before 10
ENDS = ("\n", "\r\n", "\r")


def attempt(folder: Path, **options: object) -> Listing | None:
    """List a folder; None where it was refused with a message that names it."""
    try:
        return list_labelled(folder, ReadingOptions(**options))  # type: ignore[arg-type]
    except UserError as error:
        told = str(error)
    assert str(folder) in told
    return None


def pairs(listing: Listing) -> dict[str, int]:
    assert listing.labels is not None
    return dict(zip(listing.files.tolist(), listing.labels.tolist(), strict=True))


# Label files -----------------------------------------------------------------------------------


@pytest.fixture
def numbered(tmp_path: Path) -> Path:
    (tmp_path / "train_img").mkdir()
    for name in NUMBERED:
        (tmp_path / "train_img" / name).touch()
    return tmp_path


@st.composite
def label_text(draw: st.DrawFn) -> tuple[bytes, list[int]]:
    """Twelve labels, well formed, in all the ways that editors write them; and what they are."""
    labels = draw(st.lists(st.integers(0, 1), min_size=12, max_size=12))
    end = draw(st.sampled_from(ENDS))
    blank = st.text(" \t", max_size=2)
    lines = [
        f"{draw(blank)}{draw(st.sampled_from([f'{label}', f'{label}.0']))}{draw(blank)}"
        for label in labels
    ]
    text = end.join(lines) + end * draw(st.integers(0, 3))
    mark = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    return mark + text.encode(), labels


def check_well_formed(folder: Path, written: tuple[bytes, list[int]]) -> None:
    content, labels = written
    (folder / "label_train.txt").write_bytes(content)
    listing = attempt(folder)
    if len(set(labels)) < 2:
        assert listing is None
        return
    assert listing is not None
    assert pairs(listing) == dict(zip(NUMBERED, labels, strict=True))


PIECES = st.sampled_from(["0", "1", "0.0", "1.0", "2", "good", "-1", "1e0", "١", "１", "01", "nan"])
BREAKS = st.sampled_from([*ENDS, "\n\n", " ", "\t", ",", "\x0b", "\x0c", "\u2028", "\x85", ""])
JUNK = st.one_of(
    st.binary(max_size=80),
    st.text(max_size=40).map(str.encode),
    st.lists(st.tuples(PIECES, BREAKS), max_size=16).map(
        lambda parts: "".join(map("".join, parts)).encode()
    ),
    st.lists(
        st.sampled_from(["0\n", "1\n", "0\r\n", "1\n\n", " 1 \n", "\n", "1"]), max_size=14
    ).map(lambda lines: "".join(lines).encode()),
    st.builds(
        lambda lines, place, extra: (
            ("\n".join(lines)).encode()[:place] + extra + ("\n".join(lines)).encode()[place:]
        ),
        st.lists(st.sampled_from("01"), min_size=12, max_size=12),
        st.integers(0, 23),
        st.binary(max_size=3),
    ),
)


def as_text(content: bytes) -> str:
    """Decode UTF-8, UTF-16 with its mark, or else Windows-1252."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        return content.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError:
        return content.decode("cp1252")


def check_junk(folder: Path, content: bytes) -> None:
    (folder / "label_train.txt").write_bytes(content)
    listing = attempt(folder)
    if listing is None:
        return
    # Another reading: what is accepted must be twelve lines of a 0 or a 1 and nothing else.
    lines = re.sub(r"\r\n?", "\n", as_text(content)).rstrip().split("\n")
    words = {"true": 1.0, "false": 0.0}
    values = [words.get(line.strip().lower()) for line in lines]
    numbers = [
        float(line) if value is None else value for line, value in zip(lines, values, strict=True)
    ]
    assert set(numbers) <= {0.0, 1.0}
    labels = [int(number) for number in numbers]
    assert pairs(listing) == dict(zip(NUMBERED, labels, strict=True))


@FEW
@given(label_text())
def test_labels_in_any_spelling_belong_to_their_images(
    numbered: Path, written: tuple[bytes, list[int]]
) -> None:
    check_well_formed(numbered, written)


@FEW
@given(JUNK)
@example(b"\xff\xfe0\x001\x00")
@example(b"0\n1\n" * 5 + b"0\n\n1")
@example(b"0\n1\n" * 6 + b"\x00")
def test_junk_in_place_of_labels_is_refused_or_what_it_says(numbered: Path, content: bytes) -> None:
    check_junk(numbered, content)


# Names and tables ------------------------------------------------------------------------------

AWKWARD = st.one_of(
    st.sampled_from([*" '\"`,;|\t\n\r-.=#%&*?<>()[]{}$~!@^\\:"]),
    st.sampled_from("aA1é日🦊\u0301\u202e\u00a0\u2028\x85\x1b\x7f"),
    st.characters(codec="utf-8", exclude_characters="/\0"),
)
NAME = st.text(AWKWARD, max_size=12).map(lambda text: f"{text}.png")
VISIBLE = NAME.filter(lambda name: not name.startswith("."))
VISIBLE_NAMES = st.lists(VISIBLE, min_size=2, max_size=8, unique=True)


def fill(folder: Path, names: Sequence[str]) -> Path:
    """Make a new folder of empty files."""
    made = folder / f"{len([*folder.iterdir()])}"
    made.mkdir()
    for name in names:
        (made / name).touch()
    return made


def check_names(folder: Path, names: list[str], labels: list[int]) -> None:
    made = fill(folder, names)
    listing = list_images(made)
    assert sorted(listing.files.tolist()) == sorted(names)
    assert all((made / name).exists() for name in listing.files.tolist())
    # The order decides which label an image gets: it may depend on nothing but the names.
    assert list_images(fill(folder, names[::-1])).files.tolist() == listing.files.tolist()
    # And they survive the tables of a run.
    run = made / ".run"
    labels = [labels[row % len(labels)] for row in range(len(names))]
    rows = np.arange(len(names))
    write_splits(run, listing.files, [Fold(fit=rows[2:], dev=rows[:1], test=rows[1:2])])
    expected = ["dev", "test", *["fit"] * (len(names) - 2)]
    assert read_splits(run, 0) == dict(zip(listing.files.tolist(), expected, strict=True))
    write_oof(run, listing.files, np.array(labels), rows, rows.astype(np.float64) - 0.5)
    again = read_oof(run)
    assert again["file"].tolist() == listing.files.tolist()
    assert again["label"].tolist() == labels


@FEW
@given(VISIBLE_NAMES, st.lists(st.integers(0, 1), min_size=1))
@example([" a.png", "a.png", "a\rb.png", "-rf.png", '"a".png', "NA.png"], [0, 1])
def test_names_of_any_kind_are_found_and_kept(
    tmp_path: Path, names: list[str], labels: list[int]
) -> None:
    check_names(tmp_path, names, labels)


@st.composite
def written_table(draw: st.DrawFn) -> tuple[list[str], dict[str, int], bytes]:
    """Files, the labels of some of them, and a table of those in any order and dialect."""
    names = draw(VISIBLE_NAMES)
    shown = draw(st.lists(st.sampled_from(names), min_size=2, unique=True))
    labels = {name: place % 2 for place, name in enumerate(shown)}
    columns = draw(st.permutations(["file", "label", "note"]))
    note = draw(st.text(AWKWARD, max_size=3))
    quoting: Literal[0, 1] = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    if "\r" in "".join([note, *shown]):  # which Python's writer leaves bare
        quoting = csv.QUOTE_ALL
    buffer = io.StringIO()
    writer = csv.writer(
        buffer,
        delimiter=draw(st.sampled_from(",;\t")),
        quoting=quoting,
        lineterminator=draw(st.sampled_from(["\n", "\r\n"])),
    )
    writer.writerow(draw(st.sampled_from([columns, [name.upper() for name in columns]])))
    for name in draw(st.permutations(shown)):
        cells = {"file": name, "label": str(labels[name]), "note": note}
        writer.writerow([cells[column] for column in columns])
    return names, labels, buffer.getvalue().encode()


def check_table(folder: Path, written: tuple[list[str], dict[str, int], bytes]) -> None:
    names, labels, content = written
    made = fill(folder, names)
    (made / "table.csv").write_bytes(content)
    listing = attempt(made, labels="table.csv")
    assert listing is not None
    assert pairs(listing) == labels


@FEW
@given(written_table())
@example(
    ([" a.png", "a.png", "b.png"], {" a.png": 0, "b.png": 1}, b"file,label\n a.png,0\nb.png,1\n")
)
@example(
    (
        ["a\\b.png", "b.png", "c.png"],
        {"a\\b.png": 0, "b.png": 1},
        b"file,label\na\\b.png,0\nb.png,1\n",
    )
)
def test_a_table_pairs_what_it_says(
    tmp_path: Path, written: tuple[list[str], dict[str, int], bytes]
) -> None:
    check_table(tmp_path, written)


def check_junk_table(folder: Path, content: bytes) -> None:
    (folder / "table.csv").write_bytes(content)
    listing = attempt(folder, labels="table.csv")
    if listing is not None:
        text = content.decode()
        for name, label in pairs(listing).items():
            assert name in text
            assert str(label) in text


CELLS = st.sampled_from(
    [*NUMBERED[:3], "file", "label", "group", "0", "1", '"', "''", "../x", "a\0", ""]
)
JUNK_TABLE = st.one_of(
    st.binary(max_size=60),
    st.builds(
        lambda head, rows: (head + "\n".join(map(",".join, rows))).encode(),
        st.sampled_from(
            ["", "file,label\n", "label;file\n", "file,label,group\n", "file,file,label\n"]
        ),
        st.lists(st.lists(CELLS, max_size=4), max_size=6),
    ),
)


@FEW
@given(JUNK_TABLE)
def test_junk_in_place_of_a_table_is_a_message(numbered: Path, content: bytes) -> None:
    check_junk_table(numbered, content)


# Overrides -------------------------------------------------------------------------------------

KEYS = st.sampled_from(
    [
        *(
            "data",
            "data.dir",
            "data.label_map",
            "model",
            "model.name",
            "loss",
            "loss._target_",
            "los",
        ),
        *("optim.lr", "optim.lrr", "+optim.x", "~seed", "++trainer.max_epochs", "cv.folds", "seed"),
        *(
            "trainer.devices",
            "experiment",
            "+experiment",
            "head",
            "data@x",
            "tracking.uri",
            "",
            "a.b",
        ),
        *("model.weights", "cv", "augment.mixup", "data.image_size", "--config-dir", "-m", "--x"),
        *("optim/x", "/loss", "hydra.job.name", "resume", "loss.", ".loss", "data[0]", "data..dir"),
    ]
)
VALUES = st.one_of(
    st.sampled_from(
        [
            *("0", "1e-3", "null", "true", "nan", "inf", "-1", "[1,2]", "{a: 1}", "a,b", "1e999"),
            *("${seed}", "${oc.env:HOME}", "${", "${now:%Y}", "resnet18", "focal", "os.system"),
            *("imbclf.losses.FocalLoss", "{}", "[", "'", '"', "\\", "???", "range(3)", "glob(*)"),
            *(
                "imbclf",
                ".",
                "a.",
                "a..b",
                "{0: 1, 1: 0}",
                "9" * 400,
                "é日",
                "a b",
                "=",
                "!x",
                "&a",
            ),
        ]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
)
OVERRIDE = st.one_of(
    st.builds("{}={}".format, KEYS, VALUES),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10),
)
OVERRIDES = st.lists(OVERRIDE, max_size=3)


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`imbclf-train` up to where it would begin."""
    train = importlib.import_module("imbclf.cli.train")

    def task(cfg: DictConfig) -> None:
        drop_stale_options(cfg, HydraConfig.get().overrides.task)
        check(cfg, "train")
        OmegaConf.to_container(cfg, resolve=True)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train, "task", task)
    yield
    logging.getLogger("imbclf").handlers.clear()


def check_overrides(overrides: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = call("train", *overrides)
    told = capsys.readouterr()
    assert code in (0, 2), told.err
    assert "Traceback" not in told.err
    # Hydra's parser of flags has messages of its own.
    assert "usage: " in told.err or told.err.replace("\n", "").isprintable()
    assert code == 0 or "error: " in told.err or "usage: " in told.err


@settings(FEW, max_examples=30)
@given(OVERRIDES)
@example(["data=0"])
@example(["loss._target_=0"])
@example(["loss._target_=..a"])
def test_overrides_of_any_kind_are_taken_or_refused_in_a_message(
    checked: None,  # noqa: ARG001
    capsys: pytest.CaptureFixture[str],
    overrides: list[str],
) -> None:
    check_overrides(overrides, capsys)


# The same, for long ----------------------------------------------------------------------------


@pytest.mark.slow
@MANY
@given(label_text(), JUNK)
def test_many_label_files(numbered: Path, written: tuple[bytes, list[int]], junk: bytes) -> None:
    check_well_formed(numbered, written)
    check_junk(numbered, junk)


@pytest.mark.slow
@settings(MANY, max_examples=600)
@given(VISIBLE_NAMES, st.lists(st.integers(0, 1), min_size=1), written_table())
def test_many_names_and_tables(
    tmp_path: Path,
    names: list[str],
    labels: list[int],
    written: tuple[list[str], dict[str, int], bytes],
) -> None:
    check_names(tmp_path, names, labels)
    check_table(tmp_path, written)


@pytest.mark.slow
@MANY
@given(JUNK_TABLE)
def test_many_junk_tables(numbered: Path, content: bytes) -> None:
    check_junk_table(numbered, content)


@pytest.mark.slow
@settings(MANY, max_examples=400)
@given(OVERRIDES)
def test_many_overrides(
    checked: None,  # noqa: ARG001
    capsys: pytest.CaptureFixture[str],
    overrides: list[str],
) -> None:
    check_overrides(overrides, capsys)
