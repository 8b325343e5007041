"""Folds repeated with other seeds, by the commands."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.commands import run, small


@pytest.mark.slow
def test_repeated_folds_from_training_to_prediction(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [18, 42])
    folder = tmp_path / "images"
    (folder / "train_img").mkdir(parents=True)
    for number, label in enumerate(labels.tolist()):
        image = rng.integers(60 * label, 60 * label + 120, (32, 32, 3)).astype(np.uint8)
        Image.fromarray(image).save(folder / "train_img" / f"{number:03d}.png")
    (folder / "label_train.txt").write_text("\n".join(map(str, labels)) + "\n")
    common = ("trainer.max_epochs=1", "tracking=none")
    options = small(folder, *common, "cv.repeats=2", "hydra.run.dir=twice")
    done = run("train", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    splits = pd.read_csv(tmp_path / "twice" / "splits.csv")
    assert list(splits) == ["file", *(f"fold_{number}" for number in range(6))]
    for first in (0, 3):
        tested = (splits[[f"fold_{first + k}" for k in range(3)]] == "test").sum(axis=1)
        assert (tested == 1).all()
    assert not splits["fold_0"].equals(splits["fold_3"])
    oof = pd.read_csv(tmp_path / "twice" / "oof.csv")
    assert (oof.groupby("file").size() == 2).all()
    summary = json.loads((tmp_path / "twice" / "summary.json").read_text())
    assert (summary["images"], summary["repeats"], len(summary["per_fold"])) == (60, 2, 6)
    alone = small(folder, *common, "seed=1", "hydra.run.dir=second")
    assert run("train", *alone, cwd=tmp_path).returncode == 0
    second = pd.read_csv(tmp_path / "second" / "splits.csv")
    assert second["fold_1"].equals(splits["fold_4"])
    where = f"data.dir={folder / 'train_img'}"
    predicted = run("predict", "ckpt=twice", where, "out=labeled", cwd=tmp_path)
    assert predicted.returncode == 0, predicted.stderr
    assert len((tmp_path / "labeled" / "labels.txt").read_text().split()) == 60
    compared = run("compare", "twice", "second", cwd=tmp_path)
    assert compared.returncode == 0, compared.stderr
    assert "into other folds" in compared.stdout + compared.stderr
    beyond = small(folder, *common, "cv.repeats=2", "cv.fold=6", "hydra.run.dir=beyond")
    refused = run("train", *beyond, cwd=tmp_path)
    assert refused.returncode == 2
    assert "cv.fold=6: expected 0 to 5" in refused.stderr
