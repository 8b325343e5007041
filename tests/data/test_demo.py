import json
import logging
import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imbclf.data.demo import write as demo
from imbclf.data.demo.faces import GLASSES, NO_GLASSES, draw_face
from imbclf.data.demo.write import write_demo
from imbclf.errors import UserError

# At 64x64: where glasses can be, however the face is shifted, scaled and tilted.
EYES = (slice(14, 48), slice(4, 60))


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def draw_faces(labels: NDArray[np.int64], seed: int, size: int = 64) -> NDArray[np.uint8]:
    """One face for each label, numbered from 0: uint8 `[N, size, size, 3]`."""
    return np.array([draw_face(label, seed, i, size) for i, label in enumerate(labels.tolist())])


def pairs(count: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The same faces with and without glasses."""
    worn, bare = (
        draw_faces(np.full(count, label), seed).astype(float) for label in (GLASSES, NO_GLASSES)
    )
    return worn, bare


def test_faces_are_images_that_differ() -> None:
    faces = draw_faces(np.ones(20, dtype=np.int64), seed=0)
    assert faces.shape == (20, 64, 64, 3)
    assert faces.dtype == np.uint8
    assert len(np.unique(faces.reshape(20, -1), axis=0)) == 20
    assert draw_faces(np.ones(1, dtype=np.int64), seed=0, size=32).shape == (1, 32, 32, 3)


def test_a_face_depends_on_seed_and_index_alone() -> None:
    labels = np.array([0, 1, 1, 0, 1])
    faces = draw_faces(labels, seed=3)
    np.testing.assert_array_equal(faces, draw_faces(labels, seed=3))
    np.testing.assert_array_equal(faces[:2], draw_faces(labels[:2], seed=3))
    np.testing.assert_array_equal(faces[2:], draw_faces(1 - np.array([1, 0, 0, 1, 0]), 3)[2:])
    np.testing.assert_array_equal(faces[4], draw_face(NO_GLASSES, seed=3, index=4))
    assert not np.array_equal(faces, draw_faces(labels, seed=4))


def test_glasses_change_the_eyes_and_nothing_else() -> None:
    worn, bare = pairs(100)
    change = np.abs(worn - bare).mean(axis=(0, 3))
    assert change[EYES].mean() > 5
    elsewhere = np.ones((64, 64), dtype=bool)
    elsewhere[EYES] = False
    assert change[elsewhere].max() == 0


def test_all_glasses_can_be_seen() -> None:
    worn, bare = pairs(100)
    strongest = np.sort(np.abs(worn - bare).mean(axis=3).reshape(100, -1), axis=1)[:, -50]
    assert strongest.min() > 4


def test_classes_of_different_faces_differ_most_around_the_eyes() -> None:
    labels = np.arange(300) % 2
    faces = draw_faces(labels, seed=1).astype(float)
    change = np.abs(faces[labels == 0].mean(axis=0) - faces[labels == 1].mean(axis=0))
    assert change[18:38, 12:52].mean() > 1.5 * change[42:].mean()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "new" / "demo"
    write_demo(folder, images=50, unlabeled=7, minority=0.12, seed=1)
    return folder


def test_layout_is_that_of_the_users(written: Path) -> None:
    assert {path.name for path in written.iterdir()} == {
        "train_img",
        "label_train.txt",
        "val_img",
        "demo.json",
    }
    for name, count in (("train_img", 50), ("val_img", 7)):
        names = sorted(path.name for path in (written / name).iterdir())
        assert names == [f"{number:06d}.jpg" for number in range(1, count + 1)]
    with Image.open(written / "train_img" / "000001.jpg") as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (64, 64))


def test_labels_are_one_a_line_shuffled_and_exactly_imbalanced(written: Path) -> None:
    lines = (written / "label_train.txt").read_text().splitlines()
    assert sorted(lines) == ["0"] * 6 + ["1"] * 44
    assert lines != sorted(lines)
    assert np.bincount(demo.imbalanced_labels(3000, 0.12, seed=0)).tolist() == [360, 2640]


def test_labels_belong_to_their_images(written: Path) -> None:
    lines = (written / "label_train.txt").read_text().splitlines()
    faces = draw_faces(np.array(lines, dtype=np.int64), seed=1).astype(float)
    for number, face in enumerate(faces, 1):
        with Image.open(written / "train_img" / f"{number:06d}.jpg") as image:
            # What JPEG loses, and far less than from face to face.
            assert np.abs(np.asarray(image) - face).mean() < 8


def test_unlabelled_images_are_new_and_their_labels_nowhere(written: Path) -> None:
    files = contents(written)
    train = {data for name, data in files.items() if name.startswith("train_img")}
    assert train.isdisjoint(data for name, data in files.items() if name.startswith("val_img"))
    assert len((written / "label_train.txt").read_text().splitlines()) == 50
    assert json.loads(files["demo.json"]) == {
        "images": 50,
        "unlabelled": 7,
        "minority": 0.12,
        "seed": 1,
        "drawing": demo.DRAWING,
    }


def test_files_are_the_same_byte_by_byte(written: Path, tmp_path: Path) -> None:
    write_demo(tmp_path / "again", images=50, unlabeled=7, minority=0.12, seed=1)
    assert contents(tmp_path / "again") == contents(written)
    write_demo(tmp_path / "other", images=50, unlabeled=7, minority=0.12, seed=2)
    assert contents(tmp_path / "other") != contents(written)


def test_second_call_writes_nothing(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.stat().st_mtime_ns for path in written.rglob("*")}
    monkeypatch.setattr(demo, "draw_face", None)
    write_demo(written, images=50, unlabeled=7, minority=0.12, seed=1)
    assert {path: path.stat().st_mtime_ns for path in written.rglob("*")} == before


def test_the_log_says_what_was_drawn_and_where(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="imbclf"):
        write_demo(tmp_path / "demo", images=10, unlabeled=3, minority=0.2)
        write_demo(tmp_path / "demo", images=10, unlabeled=3, minority=0.2)
    (message,) = caplog.messages
    for part in ("10 faces", "2 wear glasses", "3 more", str(tmp_path / "demo")):
        assert part in message


def test_other_content_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note.txt").write_text("keep")
    (tmp_path / "file").write_text("keep")
    for name in ("mine", "file"):
        with pytest.raises(UserError, match=r"data\.dir=.* something other"):
            write_demo(tmp_path / name, images=10)
    assert contents(tmp_path) == {"file": b"keep", "mine/note.txt": b"keep"}


def test_other_demo_data_is_refused(written: Path) -> None:
    before = contents(written)
    with pytest.raises(UserError, match=r"data\.dir=.*'seed': 1.*'seed': 2"):
        write_demo(written, images=50, unlabeled=7, minority=0.12, seed=2)
    assert contents(written) == before


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    write_demo(tmp_path / "link", images=10, unlabeled=0, minority=0.2)
    assert (tmp_path / "link").is_symlink()
    assert len(list((tmp_path / "empty" / "train_img").iterdir())) == 10


@pytest.mark.parametrize(
    ("images", "unlabeled", "minority", "seed"),
    [
        (0, 1, 0.12, 0),
        (3, 1, 0.12, 0),
        (10, 1, 0.5, 0),
        (10, 1, -0.2, 0),
        (10, -1, 0.2, 0),
        (10, 1, 0.2, -1),
    ],
)
def test_impossible_arguments_are_refused(
    tmp_path: Path, images: int, unlabeled: int, minority: float, seed: int
) -> None:
    with pytest.raises(UserError, match=r"data\.make\.(minority|unlabeled|seed)=.*: expected"):
        write_demo(tmp_path / "demo", images, unlabeled, minority, seed)
    assert not list(tmp_path.iterdir())


def test_a_failed_or_killed_process_leaves_no_half_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(label: int, seed: int, index: int) -> NDArray[np.uint8]:
        if index == 5:
            raise KeyboardInterrupt
        return draw_face(label, seed, index)

    with monkeypatch.context() as patch:
        patch.setattr(demo, "draw_face", failing)
        with pytest.raises(KeyboardInterrupt):
            write_demo(tmp_path / "demo", images=10, minority=0.2)
    assert not any(path.is_dir() for path in tmp_path.iterdir())

    (tmp_path / "demo.partial" / "train_img").mkdir(parents=True)
    (tmp_path / "demo.partial" / "train_img" / "junk.jpg").write_text("left by a killed process")
    write_demo(tmp_path / "demo", images=10, unlabeled=0, minority=0.2)
    assert len(contents(tmp_path / "demo")) == 12
    assert not (tmp_path / "demo.partial").exists()


def write_when_all_are_ready(ready: Barrier, folder: Path) -> None:
    ready.wait()
    write_demo(folder, images=50, unlabeled=7, minority=0.12, seed=1)


def test_two_processes_at_once_are_both_fine(written: Path, tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Barrier(2)
    together = [
        spawn.Process(target=write_when_all_are_ready, args=(ready, tmp_path / "demo"))
        for _ in range(2)
    ]
    for process in together:
        process.start()
    for process in together:
        process.join()
    assert [process.exitcode for process in together] == [0, 0]
    assert contents(tmp_path / "demo") == contents(written)
