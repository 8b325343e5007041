"""A small run directory, written without training."""

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from imbclf.data.splits import repeated_folds
from imbclf.evaluation.fold_files import (
    FoldResult,
    fold_folder,
    write_fold,
)
from imbclf.evaluation.run_directory import (
    write_oof,
    write_splits,
)
from imbclf.evaluation.summary import pool, summarize
from imbclf.models.build import build_backbone
from imbclf.prediction.decision_rule import decision_rule
from imbclf.prediction.fold_model_files import save_fold_model
from imbclf.utils.tables import write_json, write_table

CPU = torch.device("cpu")
IMAGES, SIDE, NAMES = 150, 32, ("bad & <small>", "good")


def write_images(folder: Path) -> NDArray[np.uint8]:
    (folder / "train_img").mkdir(parents=True)
    pixels = np.random.default_rng(5).integers(0, 256, (IMAGES, SIDE, SIDE, 3), dtype=np.uint8)
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(folder / "train_img" / f"{number}.png")
    return pixels


def write_run(
    run: Path, folder: Path, trained: tuple[int, ...] = (0, 1, 2), repeats: int = 1
) -> None:
    """Write what an experiment leaves, of scores that are drawn."""
    random = np.random.default_rng(3)
    truth = (random.random(IMAGES) < 0.8).astype(np.int64)
    labels = np.where(random.random(IMAGES) < 0.04, 1 - truth, truth)
    files = np.array([f"{number}.png" for number in range(IMAGES)])
    (folder / "label_train.txt").write_text("".join(f"{NAMES[label]}\n" for label in labels))
    folds = repeated_folds(labels, 3, seed=0, repeats=repeats)
    results = []
    for number in trained:
        fold, scale = folds[number], 1 + number
        logits = scale * (random.normal(size=IMAGES) + 3 * truth - 1.5)
        dev, test = logits[fold.dev], logits[fold.test]
        rule = decision_rule(dev, labels[fold.dev], "smoothed")
        results.append(FoldResult(number, 1, rule["threshold"], 2.5, 60.0, dev, test))
        write_fold(run, results[-1], fold, files, labels)
        history = [{"train/loss": 0.5, "dev/loss": 0.6, "dev/hter": 0.2}] * 2
        columns = {key: [row[key] for row in history] for key in history[0]}
        write_table(fold_folder(run, number) / "metrics.csv", {"epoch": [0, 1], **columns})
        torch.manual_seed(number)
        backbone = build_backbone("shufflenet_v2_x0_5")
        metadata = {
            "architecture": backbone.architecture,
            "image_size": [SIDE, SIDE],
            "label_names": list(NAMES),
        }
        save_fold_model(run / "predictor", number, {**metadata, **rule}, backbone.state_dict())
    write_splits(run, files, folds)
    pooled = pool(results, folds)
    rows = pooled.rows
    write_oof(run, files[rows], labels[rows], pooled.fold_of, pooled.scores)
    summary = summarize(results, folds, labels, NAMES, repeats=repeats)
    write_json(run / "summary.json", summary)
    data = {
        "_target_": "os.system",
        "dir": str(folder),
        "images": "train_img",
        "labels": None,
        "label_map": {NAMES[0]: 0, NAMES[1]: 1},
    }
    (run / "config.yaml").write_text(json.dumps({"data": data, "cv": {"threshold": "smoothed"}}))
