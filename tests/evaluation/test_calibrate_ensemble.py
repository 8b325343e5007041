import json
from pathlib import Path

import numpy as np
import pytest

from helpers.written_runs import write_images, write_run
from imbclf.data.splits import repeated_folds
from imbclf.errors import UserError
from imbclf.evaluation.ensemble_calibration import calibrate_ensemble
from imbclf.evaluation.fold_files import read_fold
from imbclf.evaluation.run_directory import read_oof
from imbclf.metrics.ensemble_calibration import models_correlation
from imbclf.prediction.manifest import MANIFEST, Manifest


def calibrated(run: Path, numbers: tuple[int, ...]) -> float:
    results = [read_fold(run, number) for number in numbers]
    labels = read_oof(run)["label"].to_numpy()
    calibrate_ensemble(run, [one for one in results if one], repeated_folds(labels, 3, 0), labels)
    return Manifest.load(run / "predictor").ensemble.correlation


def test_fold_models_are_compared_on_images_that_both_are_new_to(tmp_path: Path) -> None:
    write_images(tmp_path)
    write_run(tmp_path / "run", tmp_path)
    found = calibrated(tmp_path / "run", (0, 1, 2))
    # By hand: scores.csv of each fold, calibrated as its manifest entry says.
    stored = json.loads((tmp_path / "run" / "predictor" / MANIFEST).read_text())
    labels = read_oof(tmp_path / "run")["label"].to_numpy()
    log_odds = np.full((len(labels), 3), np.nan)
    for number, entry in enumerate(stored["members"]):
        for line in (tmp_path / "run" / f"fold_{number}" / "scores.csv").read_text().splitlines():
            file, _, _, score = line.split(",")
            if file != "file":
                row = int(file.removesuffix(".png"))
                log_odds[row, number] = entry["slope"] * float(score) + entry["intercept"]
    prior = np.mean([entry["prior"] for entry in stored["members"]])
    assert found == pytest.approx(models_correlation(log_odds, labels, float(prior)), abs=1e-4)
    # The noise of these models is drawn anew for each, and their labels are partly wrong.
    assert found < 0.9
    assert stored["format"] == 3


def test_a_predictor_of_version_0_1_is_left_as_it_is(tmp_path: Path) -> None:
    write_images(tmp_path)
    write_run(tmp_path / "run", tmp_path)
    manifest = tmp_path / "run" / "predictor" / MANIFEST
    stored = json.loads(manifest.read_text())
    del stored["ensemble"]
    manifest.write_text(before := json.dumps({**stored, "format": 2}))
    calibrated(tmp_path / "run", (0, 1, 2))
    assert manifest.read_text() == before


def test_a_predictor_that_lacks_a_fold_model_is_refused(tmp_path: Path) -> None:
    write_images(tmp_path)
    write_run(tmp_path / "run", tmp_path)
    manifest = tmp_path / "run" / "predictor" / MANIFEST
    stored = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**stored, "members": stored["members"][:2]}))
    with pytest.raises(UserError, match="has no fold_2"):
        calibrated(tmp_path / "run", (0, 1, 2))
