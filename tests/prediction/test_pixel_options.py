"""Depth and resizing mode of a training are kept with its predictor, and used wherever it is."""

import json
from base64 import b64encode
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from helpers.commands import call, small
from helpers.ensembles import NAMES, write_predictor
from imbclf.data.dataset import LabelledFolder, UnlabelledFolder
from imbclf.data.decoding import decode
from imbclf.data.listing import Listing
from imbclf.data.pixel_options import FULL, SIXTEEN_BITS, PixelOptions
from imbclf.errors import UserError
from imbclf.evaluation.run_images import data_options, from_run
from imbclf.evaluation.unseen_images import open_unseen
from imbclf.models.build import build_backbone
from imbclf.prediction.export.export import Export
from imbclf.prediction.export.write_export import write_export
from imbclf.prediction.fold_model_files import save_fold_model
from imbclf.prediction.image_inputs import read_images
from imbclf.prediction.image_service import ImageService
from imbclf.prediction.join_predictors import join
from imbclf.prediction.manifest import MANIFEST, Manifest
from imbclf.prediction.predictor import Predictor

SIDE = 32
PADDED = PixelOptions(12, "pad")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A predictor that was trained on 12 bits and padded images."""
    write_predictor(tmp_path / "predictor", lambda _: build_backbone("squeezenet1_1"), SIDE)
    rewrite(tmp_path / "predictor", depth=[0, 4095], fit="pad")
    return tmp_path / "predictor"


def rewrite(folder: Path, **keys: object) -> None:
    stored = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(stored | keys))


@pytest.fixture
def values() -> NDArray[np.uint16]:
    return np.random.default_rng(0).integers(0, 4096, (20, 60), dtype=np.uint16)


def test_all_ways_to_give_an_image_use_them(
    folder: Path, values: NDArray[np.uint16], tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(values).save(photos / "x.png")
    predictor = Predictor.load(folder)
    assert predictor.pixel_options == PADDED
    expected = decode(photos / "x.png", (SIDE, SIDE), PADDED)
    assert expected[:10].max() == 0
    assert expected.max() > 150
    for given in (photos, photos / "x.png", Image.fromarray(values), values):
        pixels = read_images(given, (SIDE, SIDE), predictor.pixel_options).pixels
        np.testing.assert_array_equal(pixels[0], expected)
    answer = predictor.predict_pixels(expected[None])
    assert predictor.predict(photos)["score"].tolist() == answer.scores.tolist()
    buffer = BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    served, _ = ImageService(predictor).answer([b64encode(buffer.getvalue()).decode()])
    assert served.scores.tolist() == answer.scores.tolist()
    unlabeled = UnlabelledFolder(str(photos), str(tmp_path / "cache"))
    found, _ = unlabeled.open((SIDE, SIDE), options=predictor.pixel_options)
    np.testing.assert_array_equal(found[0], expected)
    # A darker set is not judged anew.
    data = LabelledFolder(str(photos), cache_dir=str(tmp_path / "other"))
    Image.fromarray(values // 16).save(photos / "x.png")
    listing = Listing(photos, np.array(["x.png"]), np.array([1]), label_names=NAMES)
    found, _ = open_unseen(data, listing, NAMES, (SIDE, SIDE), predictor.pixel_options)
    np.testing.assert_array_equal(found[0], decode(photos / "x.png", (SIDE, SIDE), PADDED))
    assert found.max() < 16
    for other in (replace(data, depth=10), replace(data, fit="crop")):
        with pytest.raises(UserError, match=r"data\.(depth=10|fit=crop): the predictor"):
            open_unseen(other, listing, NAMES, (SIDE, SIDE), predictor.pixel_options)


def test_predictors_of_version_0_1_take_16_bits_and_squash(folder: Path) -> None:
    stored = json.loads((folder / MANIFEST).read_text())
    del stored["depth"], stored["fit"]
    (folder / MANIFEST).write_text(json.dumps(stored))
    assert Predictor.load(folder).pixel_options == SIXTEEN_BITS
    assert Manifest.load(folder).pixel_options.scale == FULL


@pytest.mark.parametrize("damage", [{"depth": [3]}, {"depth": "x"}, {"fit": "stretch"}, {"fit": 3}])
def test_a_damaged_manifest_is_named(folder: Path, damage: dict[str, object]) -> None:
    rewrite(folder, **damage)
    with pytest.raises(UserError, match=r"predictor\.json"):
        Predictor.load(folder)


def test_fold_models_of_other_pixels_do_not_come_together(folder: Path, tmp_path: Path) -> None:
    predictor = Predictor.load(folder)
    model = predictor.fold_models[0]
    metadata = {
        "architecture": model.backbone.architecture,
        "image_size": [SIDE, SIDE],
        "label_names": list(NAMES),
        **model.rule,
    }
    with pytest.raises(UserError, match=r"'depth': \[0, 4095\], 'fit': 'pad'.*data\.depth and"):
        save_fold_model(folder, 5, metadata, model.weights)
    save_fold_model(folder, 5, {**metadata, "depth": [0, 4095], "fit": "pad"}, model.weights)
    assert Manifest.load(folder).pixel_options == PADDED
    write_predictor(tmp_path / "other", lambda _: build_backbone("squeezenet1_1"), SIDE)
    with pytest.raises(UserError, match=r"\[0, 4095\], fit pad, and \[0, 65535\], fit squash"):
        join([predictor, Predictor.load(tmp_path / "other")])
    assert join([predictor, predictor]).pixel_options == PADDED


@pytest.mark.slow
def test_an_export_says_how_its_input_is_made(folder: Path, tmp_path: Path) -> None:
    summary = write_export(Predictor.load(folder), Export("pt2", images=4), tmp_path / "out")
    assert (summary["depth"], summary["fit"]) == ([0, 4095], "pad")
    assert json.loads((tmp_path / "out" / "export.json").read_text())["fit"] == "pad"


@pytest.fixture
def deep_photos(tmp_path: Path) -> Path:
    """48 elongated images of 12 bits in class folders, of which those of label 1 are brighter."""
    random = np.random.default_rng(0)
    for number in range(48):
        label = int(number % 4 > 0)
        place = tmp_path / "photos" / ("dark", "bright")[label]
        place.mkdir(parents=True, exist_ok=True)
        limit = 4096 if label else 1200
        shape = (16, 64) if number % 2 else (64, 16)
        Image.fromarray(random.integers(0, limit, shape, dtype=np.uint16)).save(
            place / f"{number}.png"
        )
    return tmp_path / "photos"


@pytest.mark.slow
def test_from_training_to_prediction(
    deep_photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "run"
    options: tuple[str, ...] = (
        "data.image_size=32",
        "data.fit=pad",
        "data.depth=auto",
        "data.holdout=0.25",
    )
    options += ("trainer.max_epochs=1", f"hydra.run.dir={run}")
    assert call("train", *small(deep_photos, *options, "data.batch_size=8")) == 0
    predictor = Predictor.load(run)
    assert predictor.pixel_options == PADDED
    checkpoint = Predictor.from_checkpoint(run / "fold_0" / "best.ckpt")
    assert checkpoint.pixel_options == PADDED
    assert data_options(run)["fit"] == "pad"
    # Images of the dark class alone need 11 bits: they keep the scale of the training.
    dark = deep_photos / "dark"
    out = tmp_path / "out"
    assert call("predict", f"ckpt={run}", f"data.dir={dark}", f"out={out}") == 0
    table = pd.read_csv(out / "predictions.csv")
    files = [dark / name for name in table["file"]]
    pixels = np.stack([decode(file, (32, 32), PADDED) for file in files])
    expected = predictor.predict_pixels(pixels).scores
    np.testing.assert_allclose(table["score"], expected, atol=1e-4)
    np.testing.assert_array_equal(from_run(run, None)([f"dark/{files[0].name}"])[0], pixels[0])
    assert call("evaluate", f"ckpt={run}", f"out={tmp_path / 'evaluation'}") == 0
    assert call("predict", f"ckpt={run}", f"data.dir={dark}", "data.max_pixels=1023") == 2
    # As if version 0.1 had trained the folds that are there already.
    rewrite(run / "predictor", depth=[0, 65535], fit="squash")
    assert call("train", f"resume={run}") == 2
