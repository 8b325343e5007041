"""The Lightning layer on small real trainings: batches, schedules, records, what is kept."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from imbclf.augment import Augmentation, FoldAugmentation
from imbclf.data.splits import stratified_folds
from imbclf.errors import UserError
from imbclf.evaluation.fold_files import (
    BEST,
    LAST,
)
from imbclf.losses import AUCMarginLoss
from imbclf.metrics.error_rates import binary_report
from imbclf.models.build import build_backbone
from imbclf.models.freezing import Freezing
from imbclf.prediction.fold_model import read_checkpoint
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.scoring import score_images
from imbclf.samplers import ProgressiveSampler
from imbclf.training.callbacks import EpochRecord, MovingAverage, Progress, UnfreezeBackbone
from imbclf.training.checkpoint_callback import SaveBestAndLast, Select
from imbclf.training.checkpoint_io import BackgroundCheckpointIO
from imbclf.training.datamodule import FoldDataModule
from imbclf.training.lightning_module import BinaryClassifier
from imbclf.training.lightning_warnings import silence_lightning
from imbclf.training.optim import OptimizerRecipe

LABELS = np.array([0] * 24 + [1] * 72)
PIXELS = np.random.default_rng(0).integers(0, 200, (96, 32, 32, 3), dtype=np.uint8)
PIXELS[LABELS == 1, :, :16] += 50
FOLD = stratified_folds(LABELS, 3, seed=0)[0]
AUGMENT = FoldAugmentation(Augmentation("alternating"), seed=0, class_counts=(24, 72))
pytestmark = pytest.mark.filterwarnings("ignore")


class RecordProgress(nn.Module):
    """A loss that records the shares of training that are passed to it."""

    def __init__(self, value: float = 1.0) -> None:
        super().__init__()
        self.value, self.fractions = value, list[float]()

    def set_progress(self, fraction: float) -> None:
        self.fractions.append(fraction)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        bce = nn.functional.binary_cross_entropy_with_logits(logits, targets)
        return self.value * bce


def module(
    loss: nn.Module, lr: float = 1e-3, network: str = "shufflenet_v2_x0_5"
) -> BinaryClassifier:
    torch.manual_seed(0)
    metadata = {"image_size": [32, 32], "label_names": ["bad", "good"]}
    recipe = OptimizerRecipe(torch.optim.Adam, lr)
    return BinaryClassifier(build_backbone(network), loss, recipe, "min_hter", 0, metadata)


def data(sampler: ProgressiveSampler | None = None) -> FoldDataModule:
    sampler = sampler or ProgressiveSampler(LABELS[FOLD.fit], seed=0, start=0.2, end=1.0)
    return FoldDataModule(PIXELS, LABELS, FOLD, sampler, AUGMENT, 16)


def trainer(epochs: int, *callbacks: L.Callback) -> L.Trainer:
    silence_lightning()
    return L.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=list(callbacks),
        plugins=[BackgroundCheckpointIO()],
    )


@pytest.mark.slow
@pytest.mark.parametrize("select", ["auroc", "hter", "loss", "last"])
def test_the_kept_epoch_is_the_best_recorded_one_and_predicts_alone(
    tmp_path: Path, select: Select
) -> None:
    passed_on: dict[int, Mapping[str, float]] = {}
    record = EpochRecord(
        tmp_path / "metrics.csv", lambda e, metrics: passed_on.update({e: metrics})
    )
    recorder = RecordProgress()
    sampler = ProgressiveSampler(LABELS[FOLD.fit], seed=0, start=0.2, end=1.0)
    fit = trainer(4, Progress(), record, SaveBestAndLast(tmp_path, select))
    fit.fit(module(recorder), datamodule=data(sampler))

    # As each epoch starts, and 1 for the loss of dev, which is that of the end for all of them.
    assert recorder.fractions == [0, 1, 0.25, 1, 0.5, 1, 0.75, 1]
    assert sampler.progress == 0.75
    table = pd.read_csv(tmp_path / "metrics.csv")
    assert table["epoch"].tolist() == [1, 2, 3, 4] == list(passed_on)
    best = {
        "auroc": int(table["dev/auroc"].argmax()),
        "hter": int(table["dev/hter"].argmin()),
        "loss": int(table["dev/loss"].argmin()),
        "last": 3,
    }[select]
    metadata, weights = read_checkpoint(tmp_path / BEST)
    assert metadata["epoch"] == best
    assert (tmp_path / LAST).exists()

    backbone = build_backbone("shufflenet_v2_x0_5")
    backbone.load_state_dict(weights)
    dev = score_images(backbone, PIXELS, FOLD.dev, torch.device("cpu"))
    report = binary_report(dev, LABELS[FOLD.dev], metadata["threshold"])
    assert report["hter"] == pytest.approx(table["dev/hter"].iloc[best], abs=1e-9)
    assert report["auroc"] == pytest.approx(table["dev/auroc"].iloc[best], abs=1e-9)
    alone = Predictor.from_checkpoint(tmp_path / BEST).predict_pixels(PIXELS[FOLD.dev])
    np.testing.assert_allclose(alone.scores, dev - metadata["threshold"], atol=1e-5)


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
        ) -> tuple[Tensor, Tensor, Tensor]:
            if self.trainer is not None and self.trainer.training:
                seen.update(batch[2].tolist())
            changed: tuple[Tensor, Tensor, Tensor] = super().on_after_batch_transfer(
                batch, dataloader_idx
            )
            return changed

    sampler = ProgressiveSampler(LABELS[FOLD.fit], seed=0)
    spy = Spy(PIXELS, LABELS, FOLD, sampler, AUGMENT, 16)
    trainer(3, Progress()).fit(module(RecordProgress()), datamodule=spy)
    assert seen <= set(FOLD.fit.tolist())
    assert not seen & set(FOLD.test.tolist())
    assert len(seen) > 0.9 * len(FOLD.fit)


@pytest.mark.slow
def test_parameters_of_a_loss_are_trained_stored_and_resumed(tmp_path: Path) -> None:
    def trained(epochs: int, folder: Path, ckpt: Path | None = None) -> BinaryClassifier:
        model = module(AUCMarginLoss())
        fit = trainer(epochs, Progress(), SaveBestAndLast(folder, "last"))
        steady = ProgressiveSampler(LABELS[FOLD.fit], seed=0, start=0.5, end=0.5)
        fit.fit(model, datamodule=data(steady), ckpt_path=ckpt, weights_only=True)
        return model

    whole = trained(4, tmp_path / "whole")
    half = trained(2, tmp_path / "half")
    resumed = trained(4, tmp_path / "resumed", tmp_path / "half" / LAST)
    start = AUCMarginLoss().state_dict()
    for name, value in whole.loss.state_dict().items():
        assert value not in (start[name], half.loss.state_dict()[name])
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name
    Predictor.from_checkpoint(tmp_path / "resumed" / BEST)


def test_only_training_batches_are_augmented_and_soft_targets_reach_the_loss() -> None:
    heard: list[Tensor] = []

    class Hears(RecordProgress):
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


def test_an_image_drawn_several_times_is_shown_in_several_ways() -> None:
    shown: dict[int, set[bytes]] = {}

    class Spy(FoldDataModule):
        def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:  # noqa: ANN401
            changed = super().on_after_batch_transfer(batch, dataloader_idx)
            if self.trainer is not None and self.trainer.training:
                for image, row in zip(changed[0], changed[2].tolist(), strict=True):
                    shown.setdefault(row, set()).add(image.numpy().tobytes())
            return changed

    augment = FoldAugmentation(Augmentation("none", shift=4), seed=0, class_counts=(24, 72))
    sampler = ProgressiveSampler(LABELS[FOLD.fit], seed=0, start=1.0, end=1.0)
    trainer(1).fit(
        module(RecordProgress()), datamodule=Spy(PIXELS, LABELS, FOLD, sampler, augment, 8)
    )
    minority = [ways for row, ways in shown.items() if LABELS[row] == 0]
    assert np.mean([len(ways) for ways in minority]) > 1.5


def test_a_training_that_zooms_and_mixes_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    augment = FoldAugmentation(Augmentation(zoom=0.5, mixup=0.5), seed=3, class_counts=(24, 72))
    weights = []
    for name, stops in (("whole", [None]), ("broken", [1, None])):
        last = tmp_path / name / LAST
        for stop in stops:
            sampler = ProgressiveSampler(LABELS[FOLD.fit], seed=0)
            batches = FoldDataModule(PIXELS, LABELS, FOLD, sampler, augment, 16)
            trained = module(RecordProgress())
            last.parent.mkdir(exist_ok=True)
            keep = [Progress(), SaveBestAndLast(last.parent, "last")]
            fit = trainer(3, *keep, *([] if stop is None else [StopAfter(stop + 1)]))
            start = last if last.exists() else None
            fit.fit(trained, datamodule=batches, ckpt_path=start, weights_only=True)
            assert fit.current_epoch == (3 if stop is None else stop + 1)
        weights.append(torch.cat([value.flatten() for value in trained.state_dict().values()]))
    assert torch.equal(*weights)


def test_a_loss_that_is_not_finite_ends_the_training_with_its_causes() -> None:
    with pytest.raises(UserError, match=r"no longer finite.*optim\.lr"):
        trainer(2).fit(module(RecordProgress(math.nan)), datamodule=data())


def test_folds_of_constant_images_give_numbers_and_not_a_crash(tmp_path: Path) -> None:
    pixels = np.full_like(PIXELS, 7)
    sampler = ProgressiveSampler(LABELS[FOLD.fit], seed=0)
    flat = FoldDataModule(pixels, LABELS, FOLD, sampler, AUGMENT, 16)
    trainer(1, SaveBestAndLast(tmp_path, "auroc")).fit(module(RecordProgress()), datamodule=flat)
    metadata, _ = read_checkpoint(tmp_path / BEST)
    assert math.isfinite(metadata["threshold"])


class StopAfter(L.Callback):
    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:  # noqa: ARG002
        trainer.should_stop = trainer.current_epoch + 1 >= self.epochs


class Weights(L.Callback):
    """Copies the weights after every step."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Tensor]] = []

    def on_train_batch_end(
        self,
        trainer: L.Trainer,  # noqa: ARG002
        pl_module: L.LightningModule,
        *_: object,
    ) -> None:
        """Copy."""
        state = pl_module.state_dict().items()
        self.steps.append({name: tensor.clone().double() for name, tensor in state})


def test_what_is_judged_and_kept_is_the_average_of_the_weights_of_all_steps(
    tmp_path: Path,
) -> None:
    weights = Weights()
    callbacks = [weights, MovingAverage(0.8), SaveBestAndLast(tmp_path, "last")]
    fitted = module(RecordProgress())
    trainer(2, *callbacks).fit(fitted, datamodule=data())
    average = weights.steps[0]
    for number, step in enumerate(weights.steps[1:], 1):
        decay = min(0.8, (1 + number) / (10 + number))
        average = {name: decay * average[name] + (1 - decay) * step[name] for name in step}
    metadata, kept = read_checkpoint(tmp_path / BEST)
    for name, tensor in kept.items():
        if tensor.is_floating_point():
            expected = average[f"backbone.{name}"]
            torch.testing.assert_close(tensor.double(), expected, rtol=1e-4, atol=1e-6)
    assert not kept["head.weight"].double().equal(weights.steps[-1]["backbone.head.weight"])
    dev = Predictor.from_checkpoint(tmp_path / BEST).predict_pixels(PIXELS[FOLD.dev])
    report = binary_report(dev.scores, LABELS[FOLD.dev], 0.0)
    assert report["auroc"] == pytest.approx(fitted.epoch_metrics["dev/auroc"])
    assert metadata["epoch"] == 1


def test_the_best_epoch_so_far_of_a_version_0_1_run_is_restored(tmp_path: Path) -> None:
    last = Path(__file__).parents[1] / "fixtures/version_0_1/interrupted/fold_0" / LAST
    states = torch.load(last, weights_only=True)["callbacks"]
    keep = SaveBestAndLast(tmp_path, "auroc")
    keep.load_state_dict(states[keep.state_key])
    assert -1 <= keep.lowest < 0


@pytest.mark.slow
@pytest.mark.parametrize("network", ["mobilenet_v3_small", "efficientnet_b0"])
def test_dropout_and_stochastic_depth_go_on_as_if_never_interrupted(
    tmp_path: Path, network: str
) -> None:
    kept = {}
    for name, runs in (("whole", (3,)), ("broken", (1, 2, 3))):
        last = tmp_path / name / LAST
        for epochs in runs:
            fit = trainer(3, SaveBestAndLast(last.parent, "last"), StopAfter(epochs))
            start = last if last.exists() else None
            own = module(RecordProgress(), network=network)
            fit.fit(own, datamodule=data(), ckpt_path=start, weights_only=True)
        kept[name] = read_checkpoint(last.parent / BEST)[1]
    assert all(kept["broken"][name].equal(tensor) for name, tensor in kept["whole"].items())


def test_an_average_of_weights_goes_on_as_if_never_interrupted(tmp_path: Path) -> None:
    kept = {}
    for name, runs in (("whole", (3,)), ("broken", (1, 3))):
        folder = tmp_path / name
        last = folder / LAST
        for epochs in runs:
            fit = trainer(3, MovingAverage(0.9), SaveBestAndLast(folder, "last"), StopAfter(epochs))
            start = last if last.exists() else None
            fit.fit(module(RecordProgress()), datamodule=data(), ckpt_path=start, weights_only=True)
        kept[name] = read_checkpoint(folder / BEST)[1]
    assert all(kept["broken"][name].equal(tensor) for name, tensor in kept["whole"].items())


def test_a_frozen_backbone_is_what_it_was_and_unfreezes_in_its_time(tmp_path: Path) -> None:
    start = {name: t.clone() for name, t in module(RecordProgress()).backbone.state_dict().items()}
    kept = []
    for epochs in (2, 3):
        callbacks = [
            Progress(),
            UnfreezeBackbone(Freezing(0.5)),
            SaveBestAndLast(tmp_path, "last"),
            StopAfter(epochs),
        ]
        trainer(4, *callbacks).fit(module(RecordProgress()), datamodule=data())
        kept.append(read_checkpoint(tmp_path / BEST)[1])
    frozen, unfrozen = kept
    for name, tensor in start.items():
        assert frozen[name].equal(tensor) == (not name.startswith("head")), name
    assert not unfrozen["network.conv1.0.weight"].equal(start["network.conv1.0.weight"])
