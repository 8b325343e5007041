"""What every sampler in conf/sampler must keep to, and how batches are shared by devices."""

import warnings
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from hypothesis import given, settings, strategies as st
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from numpy.typing import NDArray
from omegaconf import OmegaConf
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from helpers.sampling import (
    BATCH_SIZE,
    MEMBERS,
    at,
    build,
    either_minority,
    every_sampler,
    make_labels,
)
from imbclf.errors import UserError
from imbclf.samplers import IndexSampler, Observer, ShuffleSampler
from imbclf.testing import check_sampler
from imbclf.training.batch_sampler import IndexBatches

ONE_CLASS = {"majority_only"}
OBSERVERS = [path for path in MEMBERS if isinstance(build(path, make_labels()), Observer)]


def feed(sampler: IndexSampler, epochs: int, flip: int = 1) -> IndexSampler:
    """Show a sampler that observes some made-up epochs; others are left as they are."""
    random = np.random.default_rng(9)
    for _ in range(epochs if isinstance(sampler, Observer) else 0):
        positions = random.integers(0, len(sampler.labels), 80)
        logits = flip * random.normal(0, 3, 80)
        sampler.observe(positions, logits, sampler.labels[positions].astype(float))  # type: ignore[attr-defined]
    return sampler


def test_all_yamls_are_found() -> None:
    assert {path.stem for path in MEMBERS} >= {
        *("shuffle", "balanced", "undersample", "progressive"),
        *("square_root", "both_classes", "majority_only", "hard"),
    }
    assert [path.stem for path in OBSERVERS] == ["hard"]
    for path in MEMBERS:
        assert OmegaConf.select(OmegaConf.load(path), "_partial_") is True, path


@every_sampler
@either_minority
def test_each_passes_the_check_that_users_have(path: Path, minority: int) -> None:
    cfg = OmegaConf.create({"data": {"batch_size": 8}, "sampler": OmegaConf.load(path)})
    check_sampler(instantiate(cfg.sampler), make_labels(minority=minority))


class OutOfRange(ShuffleSampler):
    def draw(self) -> NDArray[np.int64]:
        return super().draw() + 1


class Growing(ShuffleSampler):
    def __len__(self) -> int:
        return 50 + self.epoch

    def draw(self) -> NDArray[np.int64]:
        return super().draw()[: len(self)]


class Floats(ShuffleSampler):
    def draw(self) -> NDArray[np.int64]:
        return super().draw().astype(float)


class Forgetful(ShuffleSampler):
    def draw(self) -> NDArray[np.int64]:
        return np.random.default_rng().permutation(len(self))


@pytest.mark.parametrize(
    ("sampler", "said"),
    [
        (OutOfRange, "positions into the 100 labels"),
        (Growing, r"of 50 integers, len\(sampler\)"),
        (Floats, "it returned float64"),
        (Forgetful, "resumed training draws the same"),
        (lambda labels, seed: [labels, seed], "it is a list"),
    ],
)
def test_the_check_names_what_is_broken(sampler: Any, said: str) -> None:  # noqa: ANN401
    with pytest.raises(AssertionError, match=said):
        check_sampler(sampler)


@every_sampler
@either_minority
def test_positions_are_valid_and_equally_many_each_epoch(path: Path, minority: int) -> None:
    labels = make_labels(minority=minority)
    sampler = build(path, labels)
    for epoch in range(6):
        drawn = at(sampler, epoch, epoch / 6)
        assert len(drawn) == len(sampler) == len(build(path, labels))
        assert all(type(position) is int for position in drawn)
        assert 0 <= min(drawn) <= max(drawn) < len(labels)
        assert set(labels[drawn]) == ({1 - minority} if path.stem in ONE_CLASS else {0, 1})
        feed(sampler, 1)


@every_sampler
def test_draws_depend_on_seed_epoch_progress_and_state_only(path: Path) -> None:
    labels = make_labels()
    through = build(path, labels, seed=3)
    history = []
    for epoch in range(5):
        history.append(at(through, epoch, epoch / 5))
        feed(through, 1)
    for epoch in (4, 0, 2):
        np.random.default_rng(epoch).random()
        resumed = build(path, labels, seed=3)
        for _ in range(epoch):
            feed(resumed, 1)
        assert at(resumed, epoch, epoch / 5) == history[epoch]
        assert list(resumed) == history[epoch]
    assert at(build(path, labels, seed=4), 0) != history[0]


@pytest.mark.parametrize("path", OBSERVERS, ids=lambda path: path.stem)
def test_the_state_of_an_observer_restores_it(path: Path, tmp_path: Path) -> None:
    labels = make_labels()
    learnt = build(path, labels)
    assert isinstance(learnt, Observer)
    feed(learnt, 2)
    torch.save(learnt.state_dict(), tmp_path / "state")
    copy = build(path, labels)
    assert isinstance(copy, Observer)
    assert at(copy, 2) != at(learnt, 2)
    copy.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
    assert at(copy, 2) == at(learnt, 2)
    assert at(feed(copy, 1), 3) == at(feed(learnt, 1), 3)
    assert at(feed(build(path, labels), 2, flip=-1), 3) != at(learnt, 3)


@every_sampler
def test_every_epoch_has_its_own_random_order(path: Path) -> None:
    labels = make_labels(130, 880)
    sampler = build(path, labels)
    epochs = [at(sampler, epoch) for epoch in range(4)]
    assert len({tuple(epoch) for epoch in epochs}) == 4
    for epoch in epochs:
        assert np.abs(np.corrcoef(epoch, np.arange(len(epoch)))[0, 1]) < 0.25
    if path.stem in ONE_CLASS:
        return
    assert len({tuple(labels[epoch]) for epoch in epochs}) == 4
    for epoch in epochs:
        # Neither label is left to one end of the epoch, nor is the order that of the files.
        middle = np.flatnonzero(labels[epoch] == 0).mean() / len(epoch)
        assert 0.35 < middle < 0.65


@every_sampler
def test_the_minority_is_whichever_label_is_rarer(path: Path) -> None:
    labels = make_labels()
    here, there = build(path, labels), build(path, 1 - labels)
    for epoch in range(3):
        assert at(here, epoch) == at(there, epoch)
        feed(here, 1)
        feed(there, 1, flip=-1)


@every_sampler
def test_the_epoch_is_looked_up_with_the_first_position(path: Path) -> None:
    labels = make_labels()
    sampler = build(path, labels)
    started = iter(sampler)
    batches = iter(IndexBatches(sampler, BATCH_SIZE))
    expected = at(feed(build(path, labels), 1), 7, 0.8)
    feed(sampler, 1)
    sampler.set_epoch(7)
    sampler.set_progress(0.8)
    assert list(started) == expected
    assert [position for batch in batches for position in batch] == expected


@every_sampler
def test_instances_share_no_state(path: Path) -> None:
    labels = make_labels()
    sampler, other = build(path, labels), build(path, labels)
    before = list(sampler)
    at(feed(other, 2), 5, 0.9)
    assert list(sampler) == before
    assert (labels == make_labels()).all()


@every_sampler
@given(
    rare=st.integers(1, 30),
    common=st.integers(1, 60),
    minority=st.integers(0, 1),
    seed=st.integers(0, 2**40),
    epoch=st.integers(0, 1000),
    progress=st.floats(0, 1),
)
@settings(max_examples=40, deadline=None)
def test_any_labels_will_do(
    path: Path, rare: int, common: int, minority: int, seed: int, epoch: int, progress: float
) -> None:
    labels = make_labels(rare, common, minority)
    drawn = at(build(path, labels, seed), epoch, progress)
    assert len(drawn) == len(build(path, labels, seed))
    for label in (0, 1):
        times = np.bincount(drawn, minlength=len(labels))[labels == label]
        assert np.ptp(times) <= 1


@every_sampler
@given(
    rare=st.integers(1, 40),
    common=st.integers(8, 120),
    world_size=st.integers(1, 4),
    epoch=st.integers(0, 20),
)
@settings(max_examples=40, deadline=None)
def test_devices_share_the_batches_of_one(
    path: Path, rare: int, common: int, world_size: int, epoch: int
) -> None:
    sampler = feed(build(path, make_labels(rare, common)), epoch)
    sampler.set_epoch(epoch)
    try:
        together = list(IndexBatches(sampler, BATCH_SIZE * world_size))
        shares = [IndexBatches(sampler, BATCH_SIZE, rank, world_size) for rank in range(world_size)]
    except UserError:
        assert len(sampler) < world_size * -(-len(sampler) // (BATCH_SIZE * world_size))
        return
    assert {len(share) for share in shares} == {len(together)}
    sizes = set()
    for whole, *parts in zip(together, *shares, strict=True):
        assert sorted(position for part in parts for position in part) == sorted(whole)
        sizes |= {len(part) for part in parts}
    assert np.ptp([len(batch) for batch in together]) <= 1
    assert 1 <= min(sizes) <= max(sizes) <= BATCH_SIZE
    if world_size == 1:
        assert [position for batch in together for position in batch] == list(sampler)


@given(
    images=st.integers(8, 300),
    batch_size=st.integers(2, 70),
    world_size=st.integers(1, 4),
)
@settings(deadline=None)
def test_no_image_is_dropped_nor_any_batch_small(
    images: int, batch_size: int, world_size: int
) -> None:
    sampler = ShuffleSampler(np.zeros(images, dtype=np.int64), 0)
    together = list(IndexBatches(sampler, batch_size * world_size))
    assert sorted(position for batch in together for position in batch) == list(range(images))
    assert np.ptp([len(batch) for batch in together]) <= 1
    assert len(together) == -(-images // (batch_size * world_size))


def test_a_device_without_images_is_refused() -> None:
    sampler = ShuffleSampler(np.zeros(5, dtype=np.int64), 0)
    with pytest.raises(UserError, match=r"data\.batch_size=1 leaves one of 4 devices"):
        IndexBatches(sampler, batch_size=1, rank=0, world_size=4)


class Recorder(L.LightningModule):
    """Remembers which images each step was given."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1, 1)
        self.seen: list[list[list[int]]] = []

    def on_train_epoch_start(self) -> None:
        self.seen.append([])
        sampler = self.trainer.train_dataloader.batch_sampler.sampler  # type: ignore[union-attr]
        sampler.set_progress(self.current_epoch / 3)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:  # noqa: ARG002
        self.seen[-1].append(batch[0].flatten().long().tolist())
        loss: Tensor = self.linear(batch[0]).mean()
        return loss

    def configure_optimizers(self) -> OptimizerLRScheduler:
        return torch.optim.SGD(self.parameters(), lr=0.0)


@every_sampler
def test_lightning_trains_on_what_the_sampler_draws(path: Path, tmp_path: Path) -> None:
    labels = make_labels()
    images = TensorDataset(torch.arange(len(labels)).float()[:, None])
    recorder = Recorder()
    trainer = L.Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        default_root_dir=tmp_path,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(
            recorder,
            DataLoader(images, batch_sampler=IndexBatches(build(path, labels), BATCH_SIZE)),
        )
    expected = build(path, labels)
    for epoch, seen in enumerate(recorder.seen):
        assert [position for batch in seen for position in batch] == at(expected, epoch, epoch / 3)
        assert len(seen) == -(-len(expected) // BATCH_SIZE)
    assert len(recorder.seen) == 3
