"""Slow batch norms have the statistics of the fit part when dev is scored; others as ever."""

from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from imbclf.augment import Augmentation, FoldAugmentation
from imbclf.data.splits import Fold
from imbclf.models.own_network import build_own_backbone
from imbclf.samplers import ShuffleSampler
from imbclf.training.batchnorm import EstimateSlowNorms
from imbclf.training.callbacks import MovingAverage
from imbclf.training.datamodule import FoldDataModule
from imbclf.training.lightning_module import BinaryClassifier
from imbclf.training.lightning_warnings import silence_lightning
from imbclf.training.optim import OptimizerRecipe

LABELS = np.array([0] * 24 + [1] * 72)
PIXELS = np.random.default_rng(0).integers(0, 200, (96, 16, 16, 3), dtype=np.uint8)
FIT, DEV = np.arange(0, 96, 2), np.arange(1, 96, 2)
pytestmark = pytest.mark.filterwarnings("ignore")


class Net(nn.Module):
    def __init__(self, momentum: float) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8, momentum=momentum)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.norm(self.convolution(images)).relu().mean((2, 3))
        return features


class Statistics(L.Callback):
    """Keeps the statistics that dev is scored with, and what they should be."""

    def __init__(self) -> None:
        self.found: list[Tensor] = []
        self.expected: list[Tensor] = []

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        del trainer
        backbone: Any = pl_module.backbone
        network = backbone.network
        assert not network.norm.training
        self.found.append(network.norm.running_mean.clone())
        with torch.no_grad():
            entered = network.convolution(backbone.normalize(torch.from_numpy(PIXELS[FIT])))
        self.expected.append(entered.mean((0, 2, 3)))


def train(momentum: float, *callbacks: L.Callback, start: Path | None = None) -> BinaryClassifier:
    silence_lightning()
    torch.manual_seed(0)
    recipe = OptimizerRecipe(torch.optim.Adam, lr=1e-2)
    backbone = build_own_backbone(Net, {"momentum": momentum})
    model = BinaryClassifier(backbone, nn.BCEWithLogitsLoss(), recipe)
    data = FoldDataModule(
        PIXELS,
        LABELS,
        Fold(FIT, DEV, DEV),
        ShuffleSampler(LABELS[FIT], seed=0),
        FoldAugmentation(Augmentation(flip="none"), seed=0, class_counts=(12, 36)),
        batch_size=12,
    )
    trainer = L.Trainer(
        max_epochs=2,
        accelerator="cpu",
        callbacks=[*callbacks],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(model, data, ckpt_path=start, weights_only=True)
    return model


@pytest.mark.parametrize("averages", [False, True], ids=["weights", "averaged weights"])
def test_dev_is_scored_with_the_statistics_of_the_fit_part(averages: bool) -> None:
    seen = Statistics()
    average = [MovingAverage(0.9)] if averages else []
    # `seen` before the average swaps the weights back, as the first to run at the end.
    train(0.01, seen, *average, EstimateSlowNorms(seed=0))
    assert len(seen.found) == 2
    for found, expected in zip(seen.found, seen.expected, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_the_usual_momentum_is_left_alone() -> None:
    without, beside = train(0.1), train(0.1, EstimateSlowNorms(seed=0))
    other = beside.state_dict()
    assert all(torch.equal(tensor, other[name]) for name, tensor in without.state_dict().items())


def test_training_itself_does_not_depend_on_the_statistics() -> None:
    without, beside = train(0.01), train(0.01, EstimateSlowNorms(seed=0))
    for (name, one), other in zip(without.named_parameters(), beside.parameters(), strict=True):
        assert torch.equal(one, other), name
    norm = beside.backbone.network.norm
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.momentum == 0.01


def test_a_frozen_norm_keeps_its_statistics() -> None:
    class Freeze(L.Callback):
        def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            del trainer
            norm: Any = pl_module.backbone.network.norm  # type: ignore[union-attr]
            norm.requires_grad_(False).eval()

    model = train(0.01, Freeze(), EstimateSlowNorms(seed=0))
    norm = model.backbone.network.norm
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert not norm.running_mean.any()


class SaveEachEpoch(L.Callback):
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        del pl_module
        trainer.save_checkpoint(self.folder / f"{trainer.current_epoch}.ckpt")


@pytest.mark.parametrize("averages", [False, True], ids=["weights", "averaged weights"])
def test_a_resumed_training_ends_the_same(averages: bool, tmp_path: Path) -> None:
    def callbacks() -> list[L.Callback]:
        average = [MovingAverage(0.9)] if averages else []
        return [*average, EstimateSlowNorms(seed=0)]

    whole = train(0.01, *callbacks(), SaveEachEpoch(tmp_path)).state_dict()
    resumed = train(0.01, *callbacks(), start=tmp_path / "0.ckpt").state_dict()
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in whole.items())
