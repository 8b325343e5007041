"""Tutorials are executed: each command of a page, in order, on fewer images than it speaks of."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.commands import run
from imbclf.data.demo import write_demo
from page_commands import ROOT, commands

TUTORIALS = ROOT / "docs" / "tutorials"
# Enough of label 0 for an aim of 5 %; the labels of 600 images.
IMAGES, UNLABELED = 600, 8


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
        smaller = ["data.image_size=32"] if name == "train" else []
        done = run(name, *arguments, *smaller, cwd=tmp_path, drawn=True)
        assert done.returncode == 0, (name, arguments, done.stderr)
    outputs = tmp_path / "outputs"
    for file in ("explore/faces/explore.html", "train/faces/report.html"):
        assert (outputs / file).stat().st_size
    predict = outputs / "predict" / "faces"
    assert len(pd.read_csv(predict / "predictions.csv")) == UNLABELED
    assert len((predict / "labels.txt").read_text().split()) == UNLABELED
    assert (predict / "predictions.html").exists()


def test_the_questions_about_a_table_of_patients_are_asked_in_the_order_of_the_page(
    tmp_path: Path,
) -> None:
    random = np.random.default_rng(0)
    (tmp_path / "cells" / "images").mkdir(parents=True)
    rows = [(f"cell_{n:05d}", f"P{n % 40:03d}", int(n % 8 == 0)) for n in range(240)]
    for name, _, _ in rows:
        pixels = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "cells" / "images" / f"{name}.jpg")
    with (tmp_path / "cells" / "cells.csv").open("w", newline="") as table:
        csv.writer(table).writerows([("image_id", "patient_id", "parasitized"), *rows])
    asked = [one for name, one in commands(TUTORIALS / "patients.md") if name == "explore"]
    said = ["has no column label", "say data.group=patient_id", "240 images: 210 of label 0"]
    for arguments, sentence in zip(asked, said, strict=True):
        done = run("explore", *arguments, cwd=tmp_path)
        assert sentence in done.stdout + done.stderr
        assert done.returncode == (0 if sentence is said[-1] else 2)
