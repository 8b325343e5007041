"""Training through `torch.compile`, and images that lie on the device."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.commands import run, small
from imbclf.augment import Augmentation, FoldAugmentation
from imbclf.cli.config.trainer_options import parse_compile_mode
from imbclf.data.device_cache import cache_on_device, copy_to_device, take_images
from imbclf.data.splits import stratified_folds
from imbclf.errors import UserError
from imbclf.prediction.scoring import score_images
from imbclf.samplers import BalancedSampler
from imbclf.training.datamodule import FoldDataModule

CPU = torch.device("cpu")
RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (90, 8, 6, 3), dtype=np.uint8)
LABELS = (RANDOM.random(90) < 0.8).astype(np.int64)


def test_images_on_a_device_make_the_same_batches_and_scores() -> None:
    fold = stratified_folds(LABELS, 3, seed=0)[0]
    copied = copy_to_device(PIXELS, CPU)
    assert (copied.numpy() == PIXELS).all()
    assert cache_on_device(PIXELS, CPU) is PIXELS  # a memory map stays one where there is no GPU

    def batches(pixels: np.ndarray | torch.Tensor) -> list[list[torch.Tensor]]:
        sampler = BalancedSampler(LABELS[fold.fit], 0)
        augment = FoldAugmentation(Augmentation(), 0, (1, 1))
        data = FoldDataModule(pixels, LABELS, fold, sampler, augment, 16)
        return [list(one) for one in (*data.train_dataloader(), *data.val_dataloader())]

    for one, other in zip(batches(PIXELS), batches(copied), strict=True):
        assert all(torch.equal(*parts) for parts in zip(one, other, strict=True))

    class Brightness(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.double().mean((1, 2, 3))

    scores = [score_images(Brightness(), one, fold.test, CPU) for one in (PIXELS, copied)]
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_allclose(scores[0], PIXELS[fold.test].mean((1, 2, 3)))
    assert take_images(copied, fold.dev).data_ptr() != copied.data_ptr()


def test_more_blocks_than_one_are_copied_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imbclf.data.device_cache.BLOCK", 7)
    assert (copy_to_device(PIXELS, CPU).numpy() == PIXELS).all()


def test_modes_are_named_where_one_is_unknown() -> None:
    assert [parse_compile_mode(choice) for choice in (False, True, "reduce-overhead")] == [
        None,
        "default",
        "reduce-overhead",
    ]
    with pytest.raises(UserError, match=r"trainer\.compile=fast: expected true, false or a mode"):
        parse_compile_mode("fast")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no C++ compiler is at hand")
def test_a_compiled_network_is_trained_like_any_other(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    """Weights have the same names, scores are those of the same arithmetic in another order."""
    folder = make_folder(images=90)
    few = ("model.name=resnet18", "trainer.max_epochs=1", "trainer.precision=32")
    # Batches of one size, since each is compiled for.
    thirds = "cv.dev_fraction=0.3333", "data.batch_size=30"
    options = small(folder, *few, *thirds, "tracking=none", "cv.fold=0", "optim.ema=0.9")
    for name, choice in (("plain", "false"), ("compiled", "true")):
        out = f"hydra.run.dir={tmp_path / name}"
        done = run("train", *options, f"trainer.compile={choice}", out, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    plain, compiled = (pd.read_csv(tmp_path / name / "oof.csv") for name in ("plain", "compiled"))
    np.testing.assert_allclose(plain["score"], compiled["score"], atol=0.02)
    assert not np.array_equal(plain["score"], compiled["score"])  # it was not the same code
    sheets = [
        json.loads((tmp_path / name / "predictor" / "predictor.json").read_text())
        for name in ("plain", "compiled")
    ]
    assert sheets[0]["members"][0]["architecture"] == sheets[1]["members"][0]["architecture"]
    done = run("predict", "ckpt=compiled", f"data.dir={folder / 'train_img'}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
