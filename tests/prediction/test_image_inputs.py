"""Images of every kind come to the same pixels and labels."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.ensembles import write_predictor
from imbclf.data.decoding import decode
from imbclf.errors import UserError
from imbclf.models.build import build_backbone
from imbclf.prediction.decision_options import DecisionOptions
from imbclf.prediction.image_inputs import read_images
from imbclf.prediction.predictor import Predictor

SIZE = (16, 16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three PNG files of different sizes and modes."""
    random = np.random.default_rng(0)
    for name, shape in (("2", (40, 30, 3)), ("10", (16, 16, 3)), ("1", (20, 50))):
        pixels = random.integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    return tmp_path


def test_all_ways_to_give_images_are_the_same(folder: Path) -> None:
    order = ["1.png", "2.png", "10.png"]  # natural order
    files = [folder / name for name in order]
    expected = np.stack([decode(file, SIZE) for file in files])
    opened = [Image.open(file) for file in files]
    arrays = [np.asarray(image) for image in opened]
    table = pd.DataFrame({"path": map(str, files), "age": [1, 2, 3]})
    for images in (folder, str(folder), files, [*map(str, files)], opened, arrays, table):
        names, pixels, headers = read_images(images, SIZE)
        in_memory = images is opened or images is arrays
        assert [header is None for header in headers] == [in_memory] * 3
        np.testing.assert_array_equal(pixels, expected)
        assert len(names) == 3
    assert read_images(folder, SIZE).names == order
    assert read_images(arrays, SIZE).names == [0, 1, 2]
    for one in (files[0], str(files[0]), opened[0], arrays[0]):
        np.testing.assert_array_equal(read_images(one, SIZE).pixels, expected[:1])
    stacked = np.stack([arrays[1], arrays[1]])
    np.testing.assert_array_equal(read_images(stacked, SIZE).pixels, expected[[1, 1]])
    assert read_images([], SIZE).pixels.shape == (0, 16, 16, 3)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ("nowhere.png", "nowhere.png: there is no such folder or file"),
        ([np.zeros((4, 4, 3))], "image 0: .*float64"),
        ([np.zeros((4, 4, 7), np.uint8)], "image 0: .*uint8 array"),
        ([3], "image 0: .*int"),
        (pd.DataFrame({"a": ["x"], "b": ["y"]}), "expected one column of paths"),
    ],
)
def test_what_is_no_image_is_named(images: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_images(images, SIZE)  # type: ignore[arg-type]


def test_predictions_are_a_table(folder: Path, tmp_path: Path) -> None:
    write_predictor(tmp_path / "run", lambda _: build_backbone("squeezenet1_1"), side=32)
    predictor = Predictor.load(tmp_path / "run")
    table = predictor.predict(folder)
    _, pixels, _ = read_images(folder, predictor.image_size)
    answer = predictor.predict_pixels(pixels)
    zero, one = predictor.label_names
    assert list(table.columns) == [*("file", "label", f"p_{zero}", f"p_{one}", "score", "warning")]
    np.testing.assert_array_equal(table["score"], answer.scores)
    np.testing.assert_allclose(table[f"p_{zero}"], 1 - answer.probabilities)
    assert table.attrs["rule"].startswith("label by the HTER threshold")
    by_probability = predictor.predict(folder, options=DecisionOptions(decide="probability"))
    probable = [one if chance >= 0.5 else zero for chance in table[f"p_{one}"]]
    assert by_probability["label"].tolist() == probable
    high = predictor.predict([pixels[0]], options=DecisionOptions(threshold=1e9))
    assert high["label"].tolist() == [zero]
    assert "file" not in high
