"""What training says of its images reaches the sampler, whole, on any number of devices."""

import json
import sys
from collections import Counter
from pathlib import Path
from subprocess import run
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from numpy.typing import NDArray
from torch import Tensor, nn

from imbclf.augment import Augmentation, FoldAugmentation
from imbclf.data.splits import stratified_folds
from imbclf.evaluation.fold_files import LAST
from imbclf.samplers import HardSampler
from imbclf.training.callbacks import Progress
from imbclf.training.checkpoint_callback import SaveBestAndLast
from imbclf.training.checkpoint_io import AtomicCheckpointIO
from imbclf.training.datamodule import FoldDataModule
from imbclf.training.lightning_warnings import silence_lightning
from imbclf.training.sampler_feedback import Feedback, merge

LABELS = np.array([0] * 24 + [1] * 73)
PIXELS = np.random.default_rng(0).integers(0, 255, (97, 8, 8, 3), dtype=np.uint8)
FOLD = stratified_folds(LABELS, 3, seed=0)[0]
pytestmark = pytest.mark.filterwarnings("ignore")


class Linear(L.LightningModule):
    """The simplest network that learns, and a loss that may soften some targets."""

    def __init__(self, lr: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.lr = lr
        self.layer, self.loss = nn.Linear(192, 1), nn.BCEWithLogitsLoss()
        self.epoch_metrics: dict[str, float] = {}
        self.said: list[tuple[list[int], list[float]]] = []

    def training_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> dict[str, Tensor]:  # noqa: ARG002
        images, targets, rows = batch
        logits = self.layer(images.flatten(1) / 255).squeeze(1)
        self.said.append((rows.tolist(), logits.tolist()))
        return {"loss": self.loss(logits, targets.float()), "logits": logits.detach()}

    def configure_optimizers(self) -> OptimizerLRScheduler:
        return torch.optim.SGD(self.parameters(), lr=self.lr)


class Remembering(HardSampler):
    """Keeps every draw and all it was shown."""

    def __init__(self, labels: NDArray[np.int64], seed: int) -> None:
        super().__init__(labels, seed)
        self.draws: list[list[int]] = []
        self.shown: list[tuple[NDArray[Any], ...]] = []

    def draw(self) -> NDArray[np.int64]:
        drawn = super().draw()
        self.draws.append(drawn.tolist())
        return drawn

    def observe(
        self,
        positions: NDArray[np.int64],
        logits: NDArray[np.float64],
        targets: NDArray[np.float64],
    ) -> None:
        self.shown.append((positions, logits, targets))
        super().observe(positions, logits, targets)


class Softening(FoldDataModule):
    """Gives rows divisible by 3 a soft label, as mixup does."""

    def on_after_batch_transfer(
        self, batch: tuple[Tensor, Tensor, Tensor], dataloader_idx: int
    ) -> tuple[Tensor, ...]:
        images, labels, rows = super().on_after_batch_transfer(batch, dataloader_idx)
        return images, torch.where(rows % 3 == 0, 0.7, labels.float()), rows


def train(
    epochs: int,
    folder: Path,
    data: type[FoldDataModule] = FoldDataModule,
    resume: bool = False,
    devices: int = 1,
    lr: float = 0.5,
) -> tuple[Remembering, Linear]:
    silence_lightning()
    module, sampler = Linear(lr), Remembering(LABELS[FOLD.fit], seed=0)
    trainer = L.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        devices=devices,
        strategy="auto" if devices == 1 else "ddp",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        limit_val_batches=0,
        default_root_dir=folder,
        callbacks=[Progress(), Feedback(sampler, FOLD.fit), SaveBestAndLast(folder, "last")],
        plugins=[AtomicCheckpointIO()],
    )
    trainer.fit(
        module,
        datamodule=data(
            PIXELS,
            LABELS,
            FOLD,
            sampler,
            FoldAugmentation(Augmentation(), seed=0, class_counts=(1, 1)),
            16 // devices,
        ),
        ckpt_path=folder / LAST if resume else None,
        weights_only=True,
    )
    return sampler, module


def test_merging_joins_what_devices_saw_and_drops_what_filled_them_up() -> None:
    random = np.random.default_rng(0)
    parts = [random.integers(0, 50, (3, length)).astype(float) for length in (4, 0, 5)]
    padded = np.full((3, 3, 5), -1.0)
    for part, whole in zip(padded, parts, strict=True):
        part[:, : whole.shape[1]] = whole
    expected = Counter(tuple(column) for part in parts for column in part.T.tolist())
    assert Counter(tuple(column) for column in merge(padded).T.tolist()) == expected


def test_the_sampler_is_shown_every_image_that_was_drawn_with_its_logit(tmp_path: Path) -> None:
    sampler, module = train(3, tmp_path)
    assert len(sampler.shown) == len(sampler.draws) == 3
    steps = len(module.said) // 3
    for epoch, (positions, logits, targets) in enumerate(sampler.shown):
        assert positions.tolist() == sampler.draws[epoch]
        said = module.said[epoch * steps : (epoch + 1) * steps]
        assert FOLD.fit[positions].tolist() == [row for rows, _ in said for row in rows]
        np.testing.assert_allclose(logits, [logit for _, values in said for logit in values])
        assert targets.tolist() == LABELS[FOLD.fit][positions].tolist()


def test_harder_images_are_drawn_more_often_in_a_real_training(tmp_path: Path) -> None:
    sampler, _ = train(6, tmp_path)
    assert sorted(sampler.draws[0]) == list(range(len(FOLD.fit)))
    positions, logits, targets = sampler.shown[0]
    losses = np.zeros(len(FOLD.fit))
    losses[positions] = np.logaddexp(0, np.where(targets == 1, -logits, logits))
    times = np.bincount(sampler.draws[1], minlength=len(losses))
    hardest = np.argsort(losses)[-len(losses) // 4 :]
    assert times[hardest].sum() > 1.4 * len(hardest)


def test_soft_labels_are_not_observed(tmp_path: Path) -> None:
    sampler, _ = train(2, tmp_path, Softening)
    assert (np.isnan(sampler.difficulty) == (FOLD.fit % 3 == 0)).all()


def test_a_resumed_training_draws_what_an_uninterrupted_one_draws(tmp_path: Path) -> None:
    whole, module = train(4, tmp_path / "whole")
    first, _ = train(2, tmp_path / "broken")
    second, resumed = train(4, tmp_path / "broken", resume=True)
    assert first.draws + second.draws == whole.draws
    assert len({tuple(drawn) for drawn in whole.draws}) == 4
    assert (second.difficulty == whole.difficulty).all()
    assert torch.equal(resumed.layer.weight, module.layer.weight)
    # The state matters: without it the third epoch is another.
    forgetful = Remembering(LABELS[FOLD.fit], seed=0)
    forgetful.set_epoch(2)
    assert forgetful.draw().tolist() != whole.draws[2]


@pytest.mark.slow
def test_two_devices_draw_and_learn_what_one_does(tmp_path: Path) -> None:
    # Not trained further: devices average the mean losses of shares that differ by an image.
    one, _ = train(3, tmp_path / "one", lr=0.0)
    done = run([sys.executable, __file__, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ranks = [json.loads((tmp_path / f"rank_{rank}.json").read_text()) for rank in (0, 1)]
    assert ranks[0] == ranks[1]
    assert ranks[0]["draws"] == one.draws
    np.testing.assert_allclose(ranks[0]["difficulty"], one.difficulty, rtol=1e-5)


if __name__ == "__main__":
    out = Path(sys.argv[1])
    learnt, _ = train(3, out / "two", devices=2, lr=0.0)
    state = {"draws": learnt.draws, "difficulty": learnt.difficulty.tolist()}
    rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
    (out / f"rank_{rank}.json").write_text(json.dumps(state))
