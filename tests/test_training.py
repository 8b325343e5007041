"""The Lightning layer on small real trainings: batches, schedules, records, what is kept."""

import math
from collections.abc import Mapping
from pathlib import Path

import lightning as L
import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from imbclf.augment import Augmentation, FoldAugmentation
from imbclf.backbones import build_backbone
from imbclf.callbacks import BEST, LAST, EpochRecord, KeepBest, Progress, Select, WholeCheckpointIO
from imbclf.cli.parts import quieten_lightning
from imbclf.datamodule import FoldDataModule
from imbclf.errors import UserError
from imbclf.metrics import binary_report
from imbclf.module import BinaryClassifier
from imbclf.optim import OptimizerRecipe
from imbclf.predictor import Predictor, read_checkpoint
from imbclf.samplers import ProgressiveSampler
from imbclf.scoring import score_images
from imbclf.splits import stratified_folds

LABELS = np.array([0] * 24 + [1] * 72)
PIXELS = np.random.default_rng(0).integers(0, 200, (96, 32, 32, 3), dtype=np.uint8)
PIXELS[LABELS == 1, :, :16] += 50
FOLD = stratified_folds(LABELS, 3, seed=0)[0]
AUGMENT = FoldAugmentation(Augmentation("alternating"), seed=0, class_counts=(24, 72))
pytestmark = pytest.mark.filterwarnings("ignore")


class Told(nn.Module):
    """A loss that remembers what share of training it was told of."""

    def __init__(self, value: float = 1.0) -> None:
        super().__init__()
        self.value, self.fractions = value, list[float]()

    def set_progress(self, fraction: float) -> None:
        self.fractions.append(fraction)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        bce = nn.functional.binary_cross_entropy_with_logits(logits, targets)
        return self.value * bce


def module(loss: nn.Module, lr: float = 1e-3) -> BinaryClassifier:
    torch.manual_seed(0)
    card = {"image_size": [32, 32], "label_names": ["bad", "good"]}
    recipe = OptimizerRecipe(torch.optim.Adam, lr)
    return BinaryClassifier(build_backbone("shufflenet_v2_x0_5"), loss, recipe, "min_hter", 0, card)


def data(sampler: ProgressiveSampler | None = None) -> FoldDataModule:
    sampler = sampler or ProgressiveSampler(LABELS[FOLD.fit], seed=0, start=0.2, end=1.0)
    return FoldDataModule(PIXELS, LABELS, FOLD, sampler, AUGMENT, 16)


def trainer(epochs: int, *callbacks: L.Callback) -> L.Trainer:
    quieten_lightning()
    return L.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=list(callbacks),
        plugins=[WholeCheckpointIO()],
    )


@pytest.mark.parametrize("select", ["auroc", "hter", "loss", "last"])
def test_the_kept_epoch_is_the_best_recorded_one_and_predicts_alone(
    tmp_path: Path, select: Select
) -> None:
    passed_on: dict[int, Mapping[str, float]] = {}
    record = EpochRecord(
        tmp_path / "metrics.csv", lambda e, metrics: passed_on.update({e: metrics})
    )
    told = Told()
    sampler = ProgressiveSampler(LABELS[FOLD.fit], seed=0, start=0.2, end=1.0)
    fit = trainer(4, Progress(), record, KeepBest(tmp_path, select))
    fit.fit(module(told), datamodule=data(sampler))

    assert told.fractions == [0, 0.25, 0.5, 0.75]
    assert sampler.progress == 0.75
    table = pd.read_csv(tmp_path / "metrics.csv")
    assert table["epoch"].tolist() == [0, 1, 2, 3] == list(passed_on)
    best = {
        "auroc": int(table["dev/auroc"].argmax()),
        "hter": int(table["dev/hter"].argmin()),
        "loss": int(table["dev/loss"].argmin()),
        "last": 3,
    }[select]
    card, weights = read_checkpoint(tmp_path / BEST)
    assert card["epoch"] == best
    assert (tmp_path / LAST).exists()

    backbone = build_backbone("shufflenet_v2_x0_5")
    backbone.load_state_dict(weights)
    dev = score_images(backbone, PIXELS, FOLD.dev, torch.device("cpu"))
    report = binary_report(dev, LABELS[FOLD.dev], card["threshold"])
    assert report["hter"] == pytest.approx(table["dev/hter"].iloc[best], abs=1e-9)
    assert report["auroc"] == pytest.approx(table["dev/auroc"].iloc[best], abs=1e-9)
    alone = Predictor.from_checkpoint(tmp_path / BEST).predict(PIXELS[FOLD.dev])
    np.testing.assert_allclose(alone.scores, dev - card["threshold"], atol=1e-5)


def test_batches_are_the_named_rows_and_only_training_ones_are_flipped() -> None:
    rows = FOLD.dev
    batches = list(data().val_dataloader())
    images = torch.cat([batch[0] for batch in batches]).numpy()
    assert (images == PIXELS[rows]).all()
    assert torch.cat([batch[1] for batch in batches]).tolist() == LABELS[rows].tolist()
    for images, labels, drawn in data().train_dataloader():
        assert set(drawn.tolist()) <= set(FOLD.fit.tolist())
        assert (images.numpy() == PIXELS[drawn.numpy()]).all()
        assert labels.tolist() == LABELS[drawn.numpy()].tolist()


def test_parts_never_mix_in_a_real_training() -> None:
    seen: set[int] = set()

    class Spy(FoldDataModule):
        def on_after_batch_transfer(
            self, batch: tuple[Tensor, Tensor, Tensor], dataloader_idx: int
        ) -> tuple[Tensor, Tensor]:
            if self.trainer is not None and self.trainer.training:
                seen.update(batch[2].tolist())
            changed: tuple[Tensor, Tensor] = super().on_after_batch_transfer(batch, dataloader_idx)
            return changed

    sampler = ProgressiveSampler(LABELS[FOLD.fit], seed=0)
    spy = Spy(PIXELS, LABELS, FOLD, sampler, AUGMENT, 16)
    trainer(3, Progress()).fit(module(Told()), datamodule=spy)
    assert seen <= set(FOLD.fit.tolist())
    assert not seen & set(FOLD.test.tolist())
    assert len(seen) > 0.9 * len(FOLD.fit)


def test_only_training_batches_are_augmented_and_soft_targets_reach_the_loss() -> None:
    heard: list[Tensor] = []

    class Hears(Told):
        def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
            if self.training:
                heard.append(targets)
            return super().forward(logits, targets)

    trained = module(Hears())
    shown: dict[bool, list[Tensor]] = {True: [], False: []}
    trained.backbone.register_forward_pre_hook(
        lambda backbone, inputs: shown[backbone.training].append(inputs[0])
    )
    augment = FoldAugmentation(Augmentation("none", mixup=1.0), seed=0, class_counts=(24, 72))
    sampler = ProgressiveSampler(LABELS[FOLD.fit], seed=0)
    batches = FoldDataModule(PIXELS, LABELS, FOLD, sampler, augment, 16)
    trainer(2, Progress()).fit(trained, datamodule=batches)

    dev = torch.cat(shown[False]).numpy()
    assert (dev == np.concatenate([PIXELS[FOLD.dev]] * 2)).all()
    assert all(images.is_floating_point() for images in shown[True])
    targets = torch.cat(heard)
    assert len(targets) == 2 * len(FOLD.fit) == len(torch.cat(shown[True]))
    assert 0.05 < ((targets > 0) & (targets < 1)).float().mean() < 0.6


class StopAfter(L.Callback):
    """Break off when an epoch is done, as a signal would."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:  # noqa: ARG002
        trainer.should_stop = trainer.current_epoch == self.epoch


def test_a_training_that_zooms_and_mixes_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    augment = FoldAugmentation(Augmentation(zoom=0.5, mixup=0.5), seed=3, class_counts=(24, 72))
    weights = []
    for name, stops in (("whole", [None]), ("broken", [1, None])):
        last = tmp_path / name / LAST
        for stop in stops:
            sampler = ProgressiveSampler(LABELS[FOLD.fit], seed=0)
            batches = FoldDataModule(PIXELS, LABELS, FOLD, sampler, augment, 16)
            trained = module(Told())
            last.parent.mkdir(exist_ok=True)
            keep = [Progress(), KeepBest(last.parent, "last")]
            fit = trainer(3, *keep, *([] if stop is None else [StopAfter(stop)]))
            start = last if last.exists() else None
            fit.fit(trained, datamodule=batches, ckpt_path=start, weights_only=True)
            assert fit.current_epoch == (3 if stop is None else stop + 1)
        weights.append(torch.cat([value.flatten() for value in trained.state_dict().values()]))
    assert torch.equal(*weights)


def test_a_loss_that_is_not_finite_ends_the_training_with_its_causes() -> None:
    with pytest.raises(UserError, match=r"no longer finite.*optim\.lr"):
        trainer(2).fit(module(Told(math.nan)), datamodule=data())


def test_folds_of_constant_images_give_numbers_and_not_a_crash(tmp_path: Path) -> None:
    pixels = np.full_like(PIXELS, 7)
    sampler = ProgressiveSampler(LABELS[FOLD.fit], seed=0)
    flat = FoldDataModule(pixels, LABELS, FOLD, sampler, AUGMENT, 16)
    trainer(1, KeepBest(tmp_path, "auroc")).fit(module(Told()), datamodule=flat)
    card, _ = read_checkpoint(tmp_path / BEST)
    assert math.isfinite(card["threshold"])
