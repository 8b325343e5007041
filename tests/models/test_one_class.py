"""Learning from the majority alone, from the images to the labels of new ones."""

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import lightning as L
import numpy as np
import pandas as pd
import pytest
import torch
from hydra import compose, initialize_config_dir
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import roc_auc_score

from helpers.commands import run
from imbclf.augment import Augmentation
from imbclf.cli.config.build import experiment_from
from imbclf.cli.config.conf_dir import conf_dir
from imbclf.data.dataset import LabelledFolder
from imbclf.data.listing import Listing
from imbclf.data.splits import stratified_folds
from imbclf.errors import Interrupted, UserError
from imbclf.evaluation.fold_files import (
    BEST,
    LAST,
    METRICS,
    FoldResult,
)
from imbclf.losses import SVDDLoss
from imbclf.models.build import build_backbone
from imbclf.models.heads import Head, HypersphereHead, MahalanobisHead, NeighborsHead
from imbclf.prediction.fold_model import read_checkpoint
from imbclf.prediction.predictor import Predictor
from imbclf.samplers import ShuffleSampler
from imbclf.tracking.base import NoTracker
from imbclf.training.cross_validation import CrossValidation
from imbclf.training.fold import train_fold
from imbclf.training.lightning_warnings import silence_lightning
from imbclf.training.optim import OptimizerRecipe
from imbclf.training.recipe import ExperimentParts, Recipe

SVDD = ("experiment=one_class", "trainer.max_epochs=15", "optim.lr=1e-3")
SMALL = ["data.batch_size=16", "cv.folds=2", "tracking=none"]
pytestmark = pytest.mark.filterwarnings("ignore")


def textures(labels: NDArray[np.int64], odd: int) -> NDArray[np.uint8]:
    """Draw stripes under noise, upright for one label and lying for the `odd` one."""
    random = np.random.default_rng(0)
    images = random.normal(120, 10, (len(labels), 32, 32, 3))
    stripes = 60.0 * (np.arange(32) // 4 % 2)
    for image, label in zip(images, labels, strict=True):
        image += (stripes[:, None] if label == odd else stripes)[..., None]
    return images.clip(0, 255).astype(np.uint8)


def some_labels(images: int, odd: int) -> NDArray[np.int64]:
    labels = np.full(images, 1 - odd)
    labels[np.random.default_rng(0).permutation(images)[: images // 5]] = odd
    return labels


class Stopping(NoTracker):
    """Records nothing, and is interrupted after some epochs."""

    def __init__(self, after: int) -> None:
        self.after = after

    def log_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:  # noqa: ARG002
        if epoch == self.after:
            raise Interrupted(2)


def fold_of(
    run: Path, odd: int, name: str, head: Callable[..., Head], epochs: int, stop: int = -1
) -> tuple[FoldResult, NDArray[np.int64]]:
    silence_lightning()
    labels = some_labels(120, odd)
    fold = stratified_folds(labels, 3, seed=0)[0]
    parts = ExperimentParts(
        data=LabelledFolder("nowhere", batch_size=24),
        model=lambda: build_backbone(name, head=head),
        loss=lambda counts: SVDDLoss(counts, soft_boundary=True),
        sampler=ShuffleSampler,
        optim=OptimizerRecipe(torch.optim.Adam, 1e-3),
        trainer=partial(
            L.Trainer,
            max_epochs=epochs,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        ),
        precision="32-true",
        compile_mode=None,
        device=torch.device("cpu"),
        augment=Augmentation(),
        cv=CrossValidation(folds=3, select="last"),
        seed=0,
    )
    files = np.array([f"{number}.png" for number in range(120)])
    pixels = textures(labels, odd)
    recipe = Recipe(parts, Listing(Path("nowhere"), files, labels), pixels, pixels)
    result = train_fold(recipe, fold, 0, run, Stopping(stop))
    return result, labels[fold.test]


@pytest.mark.slow
@pytest.mark.parametrize("odd", [0, 1])
@pytest.mark.parametrize("head", [NeighborsHead, MahalanobisHead])
def test_without_training_a_fold_is_prepared_judged_and_left_like_any_other(
    tmp_path: Path,
    odd: int,
    head: Callable[..., Head],
) -> None:
    result, labels = fold_of(tmp_path, odd, "resnet18", head, epochs=0)
    assert roc_auc_score(labels, result.test_logits) > 0.8
    assert result.epoch == 0
    table = pd.read_csv(tmp_path / "fold_0" / METRICS)
    assert len(table) == 1
    assert table["train/loss"].isna().all()
    assert table["dev/auroc"][0] > 0.8
    metadata, _ = read_checkpoint(tmp_path / "fold_0" / BEST)
    assert metadata["threshold"] == table["dev/threshold"][0]
    assert metadata["threshold"] == pytest.approx(result.threshold, rel=1e-4)
    assert not (tmp_path / "fold_0" / LAST).exists()
    every = some_labels(120, odd)
    pixels = textures(every, odd)
    test = stratified_folds(every, 3, seed=0)[0].test
    for predictor in (
        Predictor.load(tmp_path / "predictor"),
        Predictor.from_checkpoint(tmp_path / "fold_0" / BEST),
    ):
        logits = (
            predictor.predict_pixels(pixels[test]).scores
            + predictor.fold_models[0].rule["threshold"]
        )
        np.testing.assert_allclose(logits, result.test_logits, atol=1e-4)


@pytest.mark.slow
def test_an_interrupted_fold_goes_on_to_the_same_sphere(tmp_path: Path) -> None:
    head = partial(HypersphereHead, dimensions=8)
    whole, _ = fold_of(tmp_path / "whole", 0, "shufflenet_v2_x0_5", head, epochs=4)
    with pytest.raises(Interrupted):
        fold_of(tmp_path / "broken", 0, "shufflenet_v2_x0_5", head, epochs=4, stop=2)
    assert (tmp_path / "broken" / "fold_0" / LAST).exists()
    resumed, _ = fold_of(tmp_path / "broken", 0, "shufflenet_v2_x0_5", head, epochs=4)
    assert resumed.test_logits.tolist() == whole.test_logits.tolist()
    assert resumed.threshold == whole.threshold
    assert (whole.test_logits < 0).all()
    states = [
        torch.load(tmp_path / run / "fold_0" / BEST, weights_only=True)["state_dict"]
        for run in ("whole", "broken")
    ]
    assert all(torch.equal(tensor, states[1][key]) for key, tensor in states[0].items())
    assert states[0]["loss.radius_squared"] > 0


def write_folder(folder: Path, labels: NDArray[np.int64], odd: int) -> list[str]:
    images = folder / "train_img"
    images.mkdir(parents=True)
    for number, pixels in enumerate(textures(labels, odd), 1):
        Image.fromarray(pixels).save(images / f"{number:04d}.png")
    (folder / "label_train.txt").write_text("".join(f"{label}\n" for label in labels))
    return ["data=folder", f"data.dir={folder}", "model.weights=null"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("odd", "recipe"),
    [
        (0, [*SVDD]),
        (1, [*SVDD, "loss.soft_boundary=true"]),
        (1, ["experiment=feature_distance"]),
        (0, ["experiment=feature_distance", "head=mahalanobis"]),
    ],
    ids=["svdd", "soft", "neighbors", "mahalanobis"],
)
def test_an_evident_anomaly_is_found_from_end_to_end(
    tmp_path: Path, odd: int, recipe: list[str]
) -> None:
    labels = some_labels(150, odd)
    where = write_folder(tmp_path / "images", labels, odd)
    done = run("train", *recipe, *where, *SMALL, "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "UserWarning" not in done.stderr
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["auroc"] > 0.8
    assert summary["minority_label"] == odd
    table = pd.read_csv(tmp_path / "run" / "oof.csv")
    assert len(table) == 150
    images = f"data.dir={tmp_path / 'images' / 'train_img'}"
    done = run("predict", "ckpt=run", images, "out=new", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = pd.read_csv(tmp_path / "new" / "predictions.csv")
    assert roc_auc_score(labels, found["score"]) > 0.8
    assert (found["label"] == labels).mean() > 0.6


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["trainer.max_epochs=0"], "head=neighbors or head=mahalanobis"),
        (["head=cosine", "trainer.max_epochs=0"], "head=cosine has to be trained"),
        (["head=neighbors"], "trainer.max_epochs=8: head=neighbors"),
        (["loss=svdd"], "needs head=hypersphere, not head=linear"),
        (["head=mahalanobis", "head.size=0"], "head.size=0"),
    ],
)
def test_parts_that_do_not_fit_are_refused_before_an_image_is_read(
    tmp_path: Path, overrides: list[str], message: str
) -> None:
    where = write_folder(tmp_path / "images", some_labels(40, 0), 0)
    for image in (tmp_path / "images" / "train_img").iterdir():
        image.write_bytes(b"not an image")
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        cfg = compose("train", [*where, *SMALL, *overrides])
    with pytest.raises(UserError, match=re.escape(message)):
        experiment_from(cfg)(tmp_path / "run")
