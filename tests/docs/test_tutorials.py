"""Tutorials are executed: each command of a page, in order, on fewer images than it speaks of."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.commands import run
from helpers.imagenet_weights import write_lite0
from imbclf.data.demo import write_demo
from page_commands import ROOT, commands

TUTORIALS = ROOT / "docs" / "tutorials"
# Enough of label 0 for an aim of 5 %; the labels of 600 images.
IMAGES, UNLABELED = 600, 8
NEW, TILES = 6, 150


@pytest.mark.slow
def test_from_a_folder_to_a_decision_and_from_there_to_a_model_to_serve(tmp_path: Path) -> None:
    write_demo(tmp_path / "faces", IMAGES, UNLABELED)
    pages = [TUTORIALS / f"{name}.md" for name in ("first-classifier", "notebook-to-server")]
    executed = [one for page in pages for one in commands(page)]
    assert {name for name, _ in executed} == {
        *("explore", "train", "compare", "predict", "register", "export"),
    }
    for name, arguments in executed:
        if any(one.startswith("resume=") for one in arguments):  # these runs are finished
            continue
        smaller = ["data.image_size=32", "trainer.max_epochs=2"] if name == "train" else []
        done = run(name, *arguments, *smaller, cwd=tmp_path, drawn=True)
        assert done.returncode == 0, (name, arguments, done.stderr)
    outputs = tmp_path / "outputs"
    for file in ("explore/faces/explore.html", "train/faces/report.html"):
        assert (outputs / file).stat().st_size
    predict = outputs / "predict" / "faces"
    assert len(pd.read_csv(predict / "predictions.csv")) == UNLABELED
    assert len((predict / "labels.txt").read_text().split()) == UNLABELED
    assert (predict / "predictions.html").exists()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lite0(tmp_path_factory.mktemp("weights"))


@pytest.mark.slow
def test_patients_at_a_sensitivity_of_ones_choice(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "cells" / "images").mkdir(parents=True)
    rows = [(f"cell_{n:05d}", f"P{n % 90:03d}", int(n % 3 == 0)) for n in range(540)]
    for name, _, label in rows:
        write(tmp_path / "cells" / "images" / f"{name}.jpg", label)
    write_rows(tmp_path / "cells" / "cells.csv", [("image_id", "patient_id", "parasitized"), *rows])
    new_images(tmp_path / "new_cells")
    said = execute("patients", tmp_path, weights)
    assert "has no column label" in said[0]
    assert "say data.group=patient_id" in said[1]
    assert "540 images: 360 of label 0, 180 of label 1; 90 groups" in said[2]
    assert "held out 10" in said[4]
    predicted = tmp_path / "outputs" / "predict" / "cells"
    assert len(pd.read_csv(predicted / "predictions.csv")) == NEW
    summary = json.loads((predicted / "predictions.json").read_text())
    point = summary["operating_point"]
    assert (point["aim"], point["value"], point["confidence"]) == ("min_sensitivity", 0.85, 0.95)
    assert point["threshold"] == summary["threshold"]


@pytest.mark.slow
def test_an_inspection_keeps_photographs_of_one_tile_together(
    tmp_path: Path, weights: Path
) -> None:
    for kind in ("Blowhole", "Break", "Fray", "Uneven"):
        write(tmp_path / "tiles" / f"MT_{kind}" / "exp1.jpg", 1)
    for n in range(TILES):
        kind, label = ("MT_Free", 0) if n % 5 else ("MT_Crack", 1)
        for photograph in (1, 2):  # of one tile
            write(tmp_path / "tiles" / kind / f"exp{photograph}_{n}.jpg", label, seed=n)
    new_images(tmp_path / "NEW")
    said = execute("inspection", tmp_path, weights)
    assert "expected 0 and 1" in said[0]
    assert "left out 4: label dropped" in said[1]
    groups = pd.read_csv(tmp_path / "outputs/explore/tiles/groups.csv")
    assert groups.label.value_counts().to_dict() == {"good": 240, "crack": 60}
    assert groups.group.nunique() == TILES
    tested = pd.read_csv(tmp_path / "outputs/train/cracks/oof.csv")
    assert (tested.groupby("group").fold.nunique() == 1).all()


@pytest.mark.slow
def test_a_published_table_whose_columns_have_no_names(tmp_path: Path, weights: Path) -> None:
    data = tmp_path / "solar/elpv_dataset/data"
    values = ["0.0", "0.3333333333333333", "0.6666666666666666", "1.0"]
    rows = [(f"images/cell{n:04d}.png", values[n % 4], ("mono", "poly")[n % 2]) for n in range(240)]
    for n, (name, value, _) in enumerate(rows):  # two of each ingot
        write(data / name, int(float(value) > 0.5), seed=n % 120)
    write_rows(data / "labels.csv", rows, " ")
    new_images(tmp_path / "NEW_CELLS")
    said = execute("published-table", tmp_path, weights)
    assert "has no column label" in said[0]
    assert "240 images: 120 of label functional, 120 of label defective" in said[1]
    assert "not used: 2" in said[1]
    assert "With the groups of groups.csv, 0 of them are split" in said[2]


def write(path: Path, label: int, seed: int | None = None) -> None:
    """Write a picture with a bright spot where label is 1; pictures of one seed are alike."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 160, (8, 8, 3), dtype=np.uint8)
    pixels = np.asarray(Image.fromarray(coarse).resize((48, 48), Image.Resampling.BICUBIC)).copy()
    if label:
        pixels[16:32, 16:32] = 250
    noise = np.random.default_rng().integers(0, 4, pixels.shape, dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.minimum(pixels, 251) + noise).save(path)


def write_rows(path: Path, rows: Sequence[Sequence[object]], delimiter: str = ",") -> None:
    with path.open("w", newline="") as table:
        csv.writer(table, delimiter=delimiter).writerows(rows)


def new_images(folder: Path) -> None:
    for n in range(NEW):
        write(folder / f"new_{n}.jpg", n % 2)


def execute(tutorial: str, cwd: Path, weights: Path) -> list[str]:
    """Run the commands of a page, training one epoch of 32 pixels; return what each said.

    The first ones ask how the data are to be read, and are refused until that is clear; an aim may
    be more than so few images can promise.
    """
    said = []
    for name, arguments in commands(TUTORIALS / f"{tutorial}.md"):
        more: list[str] = []
        if name == "train":
            more = ["data.image_size=32", f"model.weights={weights}"]
            if "experiment=probe" not in arguments:
                more += ["trainer.max_epochs=1", "data.batch_size=32", "cv.folds=2"]
            if "model=timm" not in arguments:
                more += ["model=timm", "model.name=tf_efficientnet_lite0"]
        done = run(name, *arguments, *more, cwd=cwd)
        text = done.stdout + done.stderr
        refused = {"explore": ("expected 0 and 1", "say "), "predict": ("ask for less",)}
        expected = 2 if any(words in text for words in refused.get(name, ())) else 0
        assert done.returncode == expected, (name, arguments, text)
        said.append(text)
    return said
