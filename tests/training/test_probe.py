"""A regression on embedded images: the solver, the choice of its strength, and a whole run."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from torchvision.models import get_model

from helpers.commands import call, small
from imbclf.data.embedding_cache import cached_embeddings, embedding_key
from imbclf.models.heads import LogisticHead
from imbclf.models.logistic_regression import (
    STRENGTHS,
    balanced_weights,
    choose_strength,
    fit_logistic,
)
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.shared_network import group_by_network
from imbclf.training.closed_form import inner_parts

NAME = "shufflenet_v2_x0_5"
LABELS = np.array([0] * 40 + [1] * 80)


def gaussian(images: int, width: int) -> tuple[torch.Tensor, NDArray[np.int64]]:
    generator = np.random.default_rng(0)
    labels = (generator.random(images) < 0.8).astype(np.int64)
    features = generator.normal(0, 1, (images, width)) + 0.3 * labels[:, None]
    return torch.tensor(features, dtype=torch.float32), labels


@pytest.mark.parametrize("width", [20, 150])  # fewer and more than images
def test_it_finds_what_scikit_learn_finds_for_all_strengths_at_once(width: int) -> None:
    features, labels = gaussian(100, width)
    weights = torch.from_numpy(balanced_weights(labels)).float()[:, None].repeat(1, 3)
    weights[:30, 2] = 0  # held out
    strengths = (0.001, 0.1, 0.1)
    found = fit_logistic(features, torch.from_numpy(labels), weights, torch.tensor(strengths))
    logits = (features @ found.weights + found.biases).numpy()
    for column, strength in enumerate(strengths):
        exact = LogisticRegression(C=strength, tol=1e-8, max_iter=10_000)
        exact.fit(features, labels, sample_weight=weights[:, column])
        expected = exact.decision_function(features)
        assert np.abs(logits[:, column] - expected).max() < 0.03 * expected.std()


def test_a_head_takes_raw_features_and_chooses_a_strength() -> None:
    features, labels = gaussian(200, 100)
    scaled = 7 * features - 3
    head = LogisticHead(width=100)
    parts = inner_parts(labels, None, seed=0)
    head.fit(scaled, labels, parts)
    standardized = (features - features.mean(0)) / features.std(0)
    strength, _ = choose_strength(standardized, labels, parts)
    assert strength in STRENGTHS
    exact = LogisticRegression(C=strength, class_weight="balanced", tol=1e-8)
    exact.fit(standardized, labels)
    found, expected = head(scaled).numpy(), exact.decision_function(standardized)
    assert np.abs(found - expected).max() < 0.03 * expected.std()


def test_no_group_is_held_out_in_part() -> None:
    labels, groups = np.array([0, 1, 1] * 40), np.repeat(np.arange(12), 10)
    parts = inner_parts(labels, groups, seed=0)
    assert sorted(np.concatenate(parts)) == [*range(120)]
    assert sum(len(np.unique(groups[part])) for part in parts) == 12


def test_images_are_embedded_once_for_each_content_network_and_preprocessing(
    tmp_path: Path,
) -> None:
    pixels = np.zeros((3, 2, 2, 3), np.uint8)
    other = pixels.copy()
    other[2, 1, 1, 2] = 1
    keys = {
        embedding_key(pixels, [b"a"], "x"),
        embedding_key(other, [b"a"], "x"),
        embedding_key(pixels, [b"b"], "x"),
        embedding_key(pixels, [b"a"], "y"),
    }
    assert len(keys) == 4
    counted: list[int] = []

    def embed() -> NDArray[np.float32]:
        counted.append(1)
        return np.ones((3, 2), np.float32)

    for _ in range(2):
        assert cached_embeddings(tmp_path, "key", 3, embed).shape == (3, 2)
    assert len(counted) == 1
    (tmp_path / "key.npy").write_bytes((tmp_path / "key.npy").read_bytes()[:-4])  # cut short
    cached_embeddings(tmp_path, "key", 3, embed)
    assert len(counted) == 2


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder with a data set and the run of a probe on it."""
    root = tmp_path_factory.mktemp("probe")
    pixels = np.random.default_rng(0).integers(0, 200, (120, 32, 32, 3), dtype=np.uint8)
    pixels[LABELS == 1, :, :16] += 50
    (root / "images" / "train_img").mkdir(parents=True)
    for number, image in enumerate(pixels, 1):
        Image.fromarray(image).save(root / "images" / "train_img" / f"{number}.png")
    (root / "images" / "label_train.txt").write_text("\n".join(map(str, LABELS)) + "\n")
    torch.manual_seed(0)
    torch.save(get_model(NAME, weights=None).state_dict(), root / "weights.pt")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert call("train", *arguments(root), "hydra.run.dir=one") == 0
        kernels = "head.landmarks=50"
        assert call("train", *arguments(root), kernels, "hydra.run.dir=kernels") == 0
        yield root


def arguments(root: Path, *more: str) -> list[str]:
    weights = f"model.weights={root / 'weights.pt'}"
    fixed = ("trainer.precision=32", "trainer.max_epochs=0", "tracking=none", "cv.folds=3")
    own = ("experiment=probe", weights, *fixed, *more)
    return [one for one in small(root / "images", *own) if not one.startswith("cv.fold=")]


@pytest.mark.slow
@pytest.mark.parametrize("run", ["one", "kernels"])
def test_the_predictor_scores_as_the_folds_did_with_one_network(finished: Path, run: str) -> None:
    predictor = Predictor.load(finished / run)
    assert predictor.tta == "flip"
    assert [len(group) for group in group_by_network(predictor.fold_models)] == [3]
    assert len([*(finished / run / "predictor").glob("network_*.safetensors")]) == 1
    assert not [*(finished / run).glob("fold_*/*.ckpt")]
    for fold, model in enumerate(predictor.fold_models):
        table = pd.read_csv(finished / run / f"fold_{fold}" / "scores.csv")
        files = [finished / "images" / "train_img" / one for one in table["file"]]
        pixels = np.stack([np.asarray(Image.open(file)) for file in files])
        logits = predictor.predict_pixels(pixels).logits[:, fold]
        np.testing.assert_allclose(logits, table["logit"], atol=1e-4)
        alone = Predictor((model,), (32, 32), predictor.label_names, predictor.tta)
        np.testing.assert_allclose(alone.predict_pixels(pixels).logits[:, 0], logits, atol=1e-4)


@pytest.mark.slow
def test_its_report_is_silent_of_epochs(finished: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(finished / "one", tmp_path / "copy")
    assert call("report", f"run={copy}", f"data.dir={finished / 'images'}") == 0
    page = (copy / "report.html").read_text(encoding="utf-8")
    words = page.partition("All options (config.yaml)")[0]
    assert not re.search(r"\bepoch", words.lower())  # but for trainer.max_epochs of the command
    assert "its threshold chosen on the rest of them" in words


@pytest.mark.slow
def test_the_same_command_and_a_resumed_run_write_the_same_scores(finished: Path) -> None:
    first = (finished / "one" / "oof.csv").read_bytes()
    shutil.copytree(finished / "one", finished / "two")
    for name in ("fold_1", "fold_2"):
        shutil.rmtree(finished / "two" / name)
    for name in ("summary.json", "oof.csv"):
        (finished / "two" / name).unlink()
    assert call("train", "resume=two") == 0
    assert (finished / "two" / "oof.csv").read_bytes() == first
    epochs = json.loads((finished / "two" / "summary.json").read_text())["epochs"]
    assert epochs["planned"] == 0


@pytest.mark.slow
def test_one_network_is_not_distilled(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("distill", str(finished / "one")) == 2
    assert "they are one network already" in capsys.readouterr().err
    assert not (finished / "one" / "distilled").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("model.weights=null", "model.weights=null: head=logistic does not train the network"),
        ("model.probe=true", "model.probe=true: head=logistic is a regression"),
        ("trainer.max_epochs=2", "Set trainer.max_epochs=0, or choose head=linear"),
    ],
)
def test_what_cannot_be_is_refused(
    finished: Path, option: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = option.partition("=")[0]
    kept = [one for one in arguments(finished) if not one.startswith(f"{name}=")]
    assert call("train", *kept, option, f"hydra.run.dir={name}") != 0
    assert message in " ".join(capsys.readouterr().err.split())
