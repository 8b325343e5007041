"""The files and the lines that imbclf-predict leaves."""

import csv
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.ensembles import NAMES, briefly_trained, write_predictor
from imbclf.data.listing import list_images
from imbclf.prediction.decision_options import DecisionOptions
from imbclf.prediction.export.verification import drawn_images
from imbclf.prediction.predict_folder import FolderPredictions, predict_folder
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.training_statistics import write_training_statistics
from imbclf.prediction.write_predictions import prediction_text, write_predictions

SIDE = 32


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A predictor that knows its training images, all alike, and 200 new images."""
    folder = tmp_path_factory.mktemp("place")
    write_predictor(folder / "run", partial(briefly_trained, "squeezenet1_1", SIDE), SIDE)
    images = drawn_images(200, (SIDE, SIDE), seed=1)
    (folder / "photos").mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / "photos" / f"{number}.png")
    listing = list_images(folder / "photos")
    write_training_statistics(folder / "run", listing.take(np.arange(30)), images[:30], {})
    Image.fromarray(images[0]).convert("L").save(folder / "photos" / "7.png")
    return folder


def predict(place: Path, options: DecisionOptions) -> tuple[FolderPredictions, Predictor]:
    predictor, listing = Predictor.load(place / "run"), list_images(place / "photos")
    pixels = np.stack(
        [np.asarray(Image.open(place / "photos" / name).convert("RGB")) for name in listing.files]
    )
    device = torch.device("cpu")
    return predict_folder(
        predictor, (pixels, listing), options, options.threshold_on(None), device, "32-true"
    ), predictor


def table_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("decide", ["hter", "probability"])
def test_a_table_says_by_which_rule_and_never_contradicts_itself(
    place: Path, tmp_path: Path, decide: str
) -> None:
    options = DecisionOptions(decide=decide)  # type: ignore[arg-type]
    found, predictor = predict(place, options)
    write_predictions(found, predictor, options, ["run"], tmp_path)
    rows = table_of(tmp_path)
    columns = ["file", "label", "p_bad", "p_good", "score", "warning", "unfamiliarity"]
    assert list(rows[0]) == columns
    assert (tmp_path / "labels.txt").read_text().split() == [row["label"] for row in rows]
    for row in rows:
        assert float(row["p_bad"]) + float(row["p_good"]) == pytest.approx(1)
        by_score = NAMES[float(row["score"]) >= 0]
        by_probability = NAMES[float(row["p_good"]) >= 0.5]
        assert row["label"] == (by_score if decide == "hter" else by_probability)
    below = {
        name: sum(row["label"] == name and float(row[f"p_{name}"]) < 0.5 for row in rows)
        for name in NAMES
    }
    summary = json.loads((tmp_path / "predictions.json").read_text())
    assert (summary["decide"], summary["below_half"]) == (decide, below)
    told = prediction_text(found, predictor, tmp_path)
    assert told.count(f"rule         {summary['rule']}") == 1
    assert (sum(below.values()) > 0) == (decide == "hter")
    for name, few in below.items():
        count = sum(row["label"] == name for row in rows)
        line = f"{few} of {count} labeled {name} have P({name}) below .5"
        assert (line in told) == (few > 0)


def test_images_that_differ_from_the_training_say_how(place: Path, tmp_path: Path) -> None:
    options = DecisionOptions()
    found, predictor = predict(place, options)
    write_predictions(found, predictor, options, ["run"], tmp_path)
    warnings = {row["file"]: row["warning"] for row in table_of(tmp_path)}
    assert warnings["7.png"].startswith("PNG L, in training PNG RGB")
    for name in ("0.png", "29.png"):
        assert warnings[name] == ""
    count = sum(map(bool, warnings.values()))
    assert f"{count} images differ from all training images" in prediction_text(
        found, predictor, tmp_path
    )
    # Where the training is not known, nothing is said.
    unknown = replace(predictor, training_statistics=None)
    pixels = np.zeros((1, SIDE, SIDE, 3), np.uint8)
    images = pixels, list_images(place / "photos").take(np.arange(1))
    alone = predict_folder(unknown, images, options, 0.0, torch.device("cpu"), "32-true")
    assert (list(alone.warnings), alone.drift) == ([""], None)


def test_fewer_bits_are_named_since_other_ways_to_predict_use_more(
    place: Path, tmp_path: Path
) -> None:
    predictor, listing = Predictor.load(place / "run"), list_images(place / "photos")
    images = np.zeros((len(listing), SIDE, SIDE, 3), np.uint8), listing
    for precision in ("bf16-mixed", "32-true"):
        found = predict_folder(
            predictor, images, DecisionOptions(), 0.0, torch.device("cpu"), precision
        )
        write_predictions(found, predictor, DecisionOptions(), ["run"], tmp_path)
        summary = json.loads((tmp_path / "predictions.json").read_text())
        assert summary["precision"] == precision
        told = prediction_text(found, predictor, tmp_path)
        assert ("precision    bf16-mixed" in told) == (precision == "bf16-mixed")
