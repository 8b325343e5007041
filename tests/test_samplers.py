"""What every sampler in conf/sampler must keep to, and what each one draws."""

import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from hypothesis import given, settings
from hypothesis import strategies as st
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from numpy.typing import NDArray
from omegaconf import OmegaConf
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from imbclf.batches import IndexBatches
from imbclf.errors import UserError
from imbclf.samplers import (
    BalancedSampler,
    IndexSampler,
    ProgressiveSampler,
    ShuffleSampler,
    UndersampleSampler,
    deal,
)

CONF = Path(__file__).parents[1] / "conf" / "sampler"
MEMBERS = [path for path in sorted(CONF.rglob("*.yaml")) if not path.stem.startswith("_")]
every_sampler = pytest.mark.parametrize("path", MEMBERS, ids=lambda path: path.stem)
either_minority = pytest.mark.parametrize("minority", [0, 1])
Labels = NDArray[np.int64]


def make_labels(rare: int = 13, common: int = 88, minority: int = 0) -> Labels:
    labels = np.repeat([minority, 1 - minority], [rare, common]).astype(np.int64)
    return np.random.default_rng(5).permutation(labels)


def build(path: Path, labels: Labels, seed: int = 0) -> IndexSampler:
    """Make a sampler as the training command does."""
    sampler: IndexSampler = instantiate(OmegaConf.load(path), _convert_="all")(labels, seed)
    return sampler


def at(sampler: IndexSampler, epoch: int, progress: float = 0.0) -> list[int]:
    sampler.set_epoch(epoch)
    sampler.set_progress(progress)
    return list(sampler)


def test_all_yamls_are_found() -> None:
    assert {path.stem for path in MEMBERS} >= {"shuffle", "balanced", "undersample", "progressive"}
    for path in MEMBERS:
        assert OmegaConf.select(OmegaConf.load(path), "_partial_") is True, path


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
        assert len(set(labels[drawn])) == 2


@every_sampler
def test_seed_epoch_and_progress_say_it_all(path: Path) -> None:
    labels = make_labels()
    through = build(path, labels, seed=3)
    history = [at(through, epoch, epoch / 5) for epoch in range(5)]
    for epoch in (4, 0, 2):
        np.random.default_rng(epoch).random()
        resumed = build(path, labels, seed=3)
        assert at(resumed, epoch, epoch / 5) == history[epoch]
        assert list(resumed) == history[epoch]
    assert at(build(path, labels, seed=4), 0) != history[0]


@every_sampler
def test_every_epoch_has_its_own_random_order(path: Path) -> None:
    labels = make_labels(130, 880)
    sampler = build(path, labels)
    epochs = [at(sampler, epoch) for epoch in range(4)]
    assert len({tuple(epoch) for epoch in epochs}) == 4
    assert len({tuple(labels[epoch]) for epoch in epochs}) == 4
    for epoch in epochs:
        # Neither label is left to one end of the epoch, nor is the order that of the files.
        middle = np.flatnonzero(labels[epoch] == 0).mean() / len(epoch)
        assert 0.35 < middle < 0.65
        assert np.abs(np.corrcoef(epoch, np.arange(len(epoch)))[0, 1]) < 0.25


@every_sampler
def test_the_minority_is_whichever_label_is_rarer(path: Path) -> None:
    labels = make_labels()
    for epoch in range(3):
        assert at(build(path, labels), epoch) == at(build(path, 1 - labels), epoch)


@every_sampler
def test_the_epoch_is_looked_up_with_the_first_position(path: Path) -> None:
    labels = make_labels()
    sampler = build(path, labels)
    started = iter(sampler)
    batches = iter(IndexBatches(sampler, batch_size=1000))
    expected = at(build(path, labels), 7, 0.8)
    sampler.set_epoch(7)
    sampler.set_progress(0.8)
    assert list(started) == expected
    assert [position for batch in batches for position in batch] == expected


@every_sampler
def test_instances_share_no_state(path: Path) -> None:
    labels = make_labels()
    sampler, other = build(path, labels), build(path, labels)
    before = list(sampler)
    at(other, 5, 0.9)
    assert list(sampler) == before


@given(have=st.integers(1, 40), count=st.integers(1, 100), epoch=st.integers(0, 30))
def test_a_deal_is_even(have: int, count: int, epoch: int) -> None:
    positions = 10 + 3 * np.arange(have)
    dealt = Counter(deal(positions, count, epoch, (1, 1)).tolist())
    assert dealt.total() == count
    assert set(dealt) <= set(positions.tolist())
    numbers = [dealt[position] for position in positions.tolist()]
    assert max(numbers) - min(numbers) <= 1


@given(have=st.integers(1, 40), share=st.floats(0, 1), shuffle=st.integers(0, 3))
def test_everything_is_dealt_before_anything_is_dealt_again(
    have: int, share: float, shuffle: int
) -> None:
    count = max(1, round(share * have))
    deals = -(-have // count)
    dealt = Counter[int]()
    for epoch in range(shuffle * deals, (shuffle + 1) * deals - 1):
        dealt.update(deal(np.arange(have), count, epoch, (1, 1)).tolist())
    assert all(number == 1 for number in dealt.values())
    dealt.update(deal(np.arange(have), count, (shuffle + 1) * deals - 1, (1, 1)).tolist())
    assert len(dealt) == have


def test_shuffling_shows_every_image_once() -> None:
    assert sorted(ShuffleSampler(make_labels(), 0)) == list(range(101))


@either_minority
@pytest.mark.parametrize(("rare", "common"), [(13, 88), (13, 87), (1, 30), (1, 1), (20, 20)])
def test_balanced_epochs_are_half_minority(minority: int, rare: int, common: int) -> None:
    labels = make_labels(rare, common, minority)
    sampler = BalancedSampler(labels, 0)
    for epoch in range(4):
        times = np.bincount(at(sampler, epoch), minlength=len(labels))
        assert times.sum() == len(labels)
        of_rare, of_common = times[labels == minority], times[labels != minority]
        assert of_rare.sum() == (rare + common) // 2
        assert np.ptp(of_rare) <= 1
        assert of_common.max() == 1


@either_minority
@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.3, 2.0, 1e-3])
def test_undersampling_keeps_the_minority_and_the_ratio(minority: int, ratio: float) -> None:
    labels = make_labels(13, 88, minority)
    sampler = UndersampleSampler(labels, 0, ratio=ratio)
    expected = min(88, round(13 / ratio))
    seen = np.zeros(len(labels), dtype=np.int64)
    for epoch in range(-(-88 // expected)):
        times = np.bincount(at(sampler, epoch), minlength=len(labels))
        assert (times[labels == minority] == 1).all()
        assert times[labels != minority].sum() == expected
        assert times.max() == 1
        seen += times
    assert seen.min() == 1


@pytest.mark.parametrize(("make", "epochs"), [(BalancedSampler, 2), (UndersampleSampler, 7)])
def test_all_of_the_majority_is_seen_before_any_is_repeated(
    make: Callable[[Labels, int], IndexSampler], epochs: int
) -> None:
    labels = make_labels(13, 88)
    sampler = make(labels, 0)
    rounds = []
    for shuffle in range(3):
        shown = [at(sampler, epoch) for epoch in range(shuffle * epochs, (shuffle + 1) * epochs)]
        majority = [{p for p in epoch if labels[p] == 1} for epoch in shown]
        assert len(set.union(*majority)) == 88
        assert len(set.union(*majority[:-1])) == sum(map(len, majority[:-1]))
        rounds.append(majority[0])
    assert rounds[0] != rounds[1] != rounds[2]


@either_minority
@pytest.mark.parametrize("progress", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize(("start", "end"), [(0.1, 0.5), (0.5, 0.1), (0.01, 1.0), (1.0, 3.0)])
def test_progressive_ratio_is_linear_in_progress(
    minority: int, progress: float, start: float, end: float
) -> None:
    labels = make_labels(121, 879, minority)
    sampler = ProgressiveSampler(labels, 0, start=start, end=end)
    times = np.bincount(at(sampler, 3, progress), minlength=1000)
    of_rare, of_common = times[labels == minority], times[labels != minority]
    assert times.sum() == 1000
    wanted = start + progress * (end - start)
    assert abs(of_rare.sum() - wanted * of_common.sum()) <= 1 + wanted
    assert np.ptp(of_rare) <= 1
    assert np.ptp(of_common) <= 1
    assert of_common.max() == 1 or of_common.sum() > 879


def test_progressive_shares_of_the_founding_data() -> None:
    sampler = ProgressiveSampler(make_labels(12_102, 87_898), 0)
    assert sampler.counts() == (9_091, 90_909)
    sampler.set_progress(1.0)
    assert sampler.counts() == (33_333, 66_667)


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


@pytest.mark.parametrize("make", [BalancedSampler, UndersampleSampler, ProgressiveSampler])
@pytest.mark.parametrize("label", [0, 1])
def test_an_absent_label_is_refused(
    make: Callable[[Labels, int], IndexSampler], label: int
) -> None:
    with pytest.raises(UserError, match=f"0 of label {1 - label}"):
        make(np.full(5, label, dtype=np.int64), 0)


@pytest.mark.parametrize("ratio", [0.0, -1.0, float("nan"), float("inf")])
def test_ratios_out_of_range_are_refused(ratio: float) -> None:
    labels = make_labels()
    with pytest.raises(UserError, match=r"sampler\.ratio="):
        UndersampleSampler(labels, 0, ratio=ratio)
    with pytest.raises(UserError, match=r"sampler\.start="):
        ProgressiveSampler(labels, 0, start=ratio)
    with pytest.raises(UserError, match=r"sampler\.end="):
        ProgressiveSampler(labels, 0, end=ratio)


@given(
    images=st.integers(8, 300),
    batch_size=st.integers(2, 70),
    world_size=st.integers(1, 4),
)
@settings(deadline=None)
def test_devices_share_the_batches_of_one(images: int, batch_size: int, world_size: int) -> None:
    sampler = ShuffleSampler(np.zeros(images, dtype=np.int64), 0)
    together = list(IndexBatches(sampler, batch_size * world_size))
    shares = [IndexBatches(sampler, batch_size, rank, world_size) for rank in range(world_size)]
    assert {len(share) for share in shares} == {len(together)}
    sizes = set()
    for whole, *parts in zip(together, *shares, strict=True):
        assert sorted(position for part in parts for position in part) == sorted(whole)
        sizes |= {len(part) for part in parts}
    assert sorted(position for batch in together for position in batch) == list(range(images))
    assert np.ptp([len(batch) for batch in together]) <= 1
    assert 1 <= min(sizes) <= max(sizes) <= batch_size
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
            recorder, DataLoader(images, batch_sampler=IndexBatches(build(path, labels), 16))
        )
    expected = build(path, labels)
    for epoch, seen in enumerate(recorder.seen):
        assert [position for batch in seen for position in batch] == at(expected, epoch, epoch / 3)
        assert len(seen) == -(-len(expected) // 16)
    assert len(recorder.seen) == 3
