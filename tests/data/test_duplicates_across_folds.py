"""Near duplicates across folds make the HTER too optimistic; groups of them prevent that."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.commands import run
from helpers.imagenet_weights import NAME, write_lite0

SUBJECTS, VIEWS, ODD = 72, 4, 24
PROBE = ("experiment=probe", "model=timm", f"model.name={NAME}", "cv.folds=3", "tracking=none")


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """72 subjects whose label is a coin's, four photographs of each, of other brightness and crop.

    Nothing that a picture shows says what its label is, unless one has seen that very subject.
    """
    folder = tmp_path_factory.mktemp("leak")
    (folder / "train_img").mkdir()
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat([0, 1], [ODD, SUBJECTS - ODD]))
    lines = []
    for subject, label in enumerate(labels.tolist()):
        coarse = rng.integers(30, 226, (6, 6, 3)).astype(np.uint8)
        scene = np.asarray(Image.fromarray(coarse).resize((68, 68), Image.Resampling.BICUBIC))
        for view in range(VIEWS):
            top, left = rng.integers(0, 3, 2)
            bright = scene[top : top + 64, left : left + 64] * rng.uniform(0.92, 1.08)
            name = f"{VIEWS * subject + view:04d}.png"
            Image.fromarray(bright.clip(0, 255).astype(np.uint8)).save(folder / "train_img" / name)
            lines.append(str(label))
    (folder / "label_train.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.slow
def test_a_leak_across_folds_is_found_measured_and_closed(
    photographs: Path, tmp_path: Path
) -> None:
    explored = run(
        *("explore", f"data.dir={photographs}", "write_groups=true", "out=looked"), cwd=tmp_path
    )
    assert explored.returncode == 0, explored.stderr
    groups = pd.read_csv(tmp_path / "looked" / "groups.csv")
    subject = groups.iloc[:, 0].map(lambda name: int(Path(str(name)).stem) // VIEWS)
    found = groups.assign(subject=subject)
    assert (found.groupby("subject")["group"].nunique() == 1).mean() > 0.9
    hter, weights = {}, write_lite0(tmp_path)
    for name, labels in (
        ("leaky", ()),
        ("grouped", (f"data.labels={tmp_path / 'looked' / 'groups.csv'}",)),
    ):
        options = (f"data.dir={photographs}", *labels, f"model.weights={weights}")
        done = run("train", *PROBE, *options, f"hydra.run.dir={name}", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        summary = json.loads((tmp_path / name / "summary.json").read_text())
        assert summary["by_group"] is (name == "grouped")
        hter[name] = summary["hter"]
    assert hter["leaky"] < 0.1
    assert hter["grouped"] > 0.38
