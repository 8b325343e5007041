"""Starting from the folds of another run: only from models that saw no dev and test images."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from helpers.commands import run, small
from imbclf.data.splits import stratified_folds
from imbclf.errors import UserError
from imbclf.evaluation.fold_files import (
    BEST,
    fold_folder,
)
from imbclf.evaluation.run_directory import (
    read_splits,
    write_splits,
)
from imbclf.models.build import build_backbone
from imbclf.models.patch_init import first_convolution
from imbclf.prediction.decision_rule import CHECKPOINT_KEY
from imbclf.training.cross_validation import CrossValidation
from imbclf.training.fold_setup import build_module
from imbclf.training.initialization import prepare_filters
from imbclf.training.start_from import check_start, start_weights
from imbclf.utils.tables import write_json

LABELS = np.array([0] * 20 + [1] * 80)
FILES = np.array([f"{number}.png" for number in range(100)])


def earlier_run(folder: Path, seed: int = 0, dev_fraction: float = 0.1) -> Path:
    folds = stratified_folds(LABELS, 4, seed, dev_fraction=dev_fraction)
    write_splits(folder, FILES, folds)
    for number in range(3):
        write_json(fold_folder(folder, number) / "result.json", {})
    return folder


def test_the_same_splits_are_accepted_and_read_back(tmp_path: Path) -> None:
    earlier_run(tmp_path)
    for number, fold in enumerate(stratified_folds(LABELS, 4, 0)[:3]):
        check_start(tmp_path, fold, number, 4, FILES)
        parts = read_splits(tmp_path, number)
        assert {name for name, part in parts.items() if part == "test"} == set(FILES[fold.test])


@pytest.mark.parametrize(
    ("seed", "dev_fraction", "message"),
    [(1, 0.1, "test images of this fold"), (0, 0.05, "dev images of this fold")],
)
def test_a_model_that_saw_what_judges_it_is_refused(
    tmp_path: Path, seed: int, dev_fraction: float, message: str
) -> None:
    earlier_run(tmp_path, seed, dev_fraction)
    with pytest.raises(UserError, match=message):
        check_start(tmp_path, stratified_folds(LABELS, 4, 0)[0], 0, 4, FILES)


def test_every_overlap_is_refused_whichever_parts_meet(tmp_path: Path) -> None:
    # Against brute force over many pairs of splits.
    outcomes = set()
    for seed in range(6):
        for number in (0, 1):
            folder = earlier_run(tmp_path / f"{seed}", seed)
            theirs = stratified_folds(LABELS, 4, seed)[number]
            ours = stratified_folds(LABELS, 4, 0)[number]
            leaks = bool(
                set(ours.test) & (set(theirs.fit) | set(theirs.dev))
                or set(ours.dev) & set(theirs.fit)
            )
            outcomes.add(leaks)
            try:
                check_start(folder, ours, number, 4, FILES)
            except UserError:
                assert leaks
            else:
                assert not leaks
    assert outcomes == {True, False}


def test_a_fold_that_is_not_there_is_named(tmp_path: Path) -> None:
    earlier_run(tmp_path)
    fold = stratified_folds(LABELS, 4, 0)[3]
    with pytest.raises(UserError, match="fold 3 is missing or not finished"):
        check_start(tmp_path, fold, 3, 4, FILES)


def test_filters_of_the_earlier_run_are_not_drawn_anew(tmp_path: Path) -> None:
    """`model.patch_filters` is for random weights, which these are not any more."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        earlier = build_backbone("shufflenet_v2_x0_5")
    weights = {f"backbone.{name}": value for name, value in earlier.state_dict().items()}
    checkpoint = {CHECKPOINT_KEY: {"architecture": earlier.architecture}, "state_dict": weights}
    fold_folder(tmp_path, 0).mkdir()
    torch.save(checkpoint, fold_folder(tmp_path, 0) / BEST)
    recipe = Mock()
    recipe.parts.model = partial(build_backbone, "shufflenet_v2_x0_5", patch_filters=True)
    recipe.parts.cv, recipe.labels = CrossValidation(start_from=str(tmp_path)), LABELS
    recipe.parts.loss, recipe.metadata = lambda _: torch.nn.BCEWithLogitsLoss(), {}
    fold = stratified_folds(LABELS, 5, 0)[0]
    backbone = build_module(recipe, fold, 0, seed=0).backbone
    pixels = np.random.default_rng(0).integers(0, 256, (100, 32, 32, 3), dtype=np.uint8)
    prepare_filters(backbone, pixels, LABELS, fold.fit, torch.device("cpu"), "32-true", 0)
    first, before = (first_convolution(one.network) for one in (backbone, earlier))
    assert first is not None
    assert before is not None
    assert torch.equal(first.weight, before.weight)


@pytest.mark.slow
def test_crt_keeps_each_folds_own_backbone_and_trains_a_new_head(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_folder()
    first = small(folder, "tracking=none", "hydra.run.dir=first")
    assert run("train", *first, cwd=tmp_path).returncode == 0
    second = [
        *small(folder, "tracking=none", "experiment=crt", "cv.start_from=first"),
        "optim.lr=0.1",
    ]
    done = run("train", *second, "hydra.run.dir=second", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for fold in range(3):
        before, after = (
            load_file(tmp_path / r / "predictor" / f"fold_{fold}.safetensors")
            for r in ("first", "second")
        )
        for name, tensor in before.items():
            assert after[name].equal(tensor) == (not name.startswith("head.")), name
    one, two = (pd.read_csv(tmp_path / r / "splits.csv") for r in ("first", "second"))
    pd.testing.assert_frame_equal(one, two)
    assert json.loads((tmp_path / "second" / "summary.json").read_text())["images"] == 120

    done = run("train", *second, "seed=1", "hydra.run.dir=third", cwd=tmp_path)
    assert done.returncode == 2
    assert "would be too optimistic" in done.stderr
    assert "Traceback" not in done.stderr

    other = "model.name=shufflenet_v2_x1_0"
    done = run("train", *second, other, "hydra.run.dir=fourth", cwd=tmp_path)
    assert done.returncode == 2
    assert "model.name=shufflenet_v2_x0_5" in done.stderr


def test_weights_come_without_the_head(tmp_path: Path) -> None:
    backbone = build_backbone("shufflenet_v2_x0_5")
    state = {f"backbone.{name}": tensor for name, tensor in backbone.state_dict().items()}
    metadata = {"architecture": dict(backbone.architecture)}
    path = fold_folder(tmp_path, 0)
    path.mkdir()
    torch.save({"state_dict": state, "imbclf": metadata}, path / "best.ckpt")
    fresh = build_backbone("shufflenet_v2_x0_5")
    head = fresh.head.state_dict()["weight"].clone()
    fresh.network.load_state_dict(start_weights(tmp_path, 0, fresh))
    for name, tensor in fresh.network.state_dict().items():
        assert tensor.equal(backbone.network.state_dict()[name])
    assert fresh.head.state_dict()["weight"].equal(head)
    with pytest.raises(UserError, match=r"model\.name=shufflenet_v2_x0_5, this run resnet18"):
        start_weights(tmp_path, 0, build_backbone("resnet18", stem="small"))
