"""What the tests of samplers share."""

from pathlib import Path

import numpy as np
import pytest
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import OmegaConf

from imbclf.samplers import IndexSampler

CONF = Path(__file__).parents[2] / "conf" / "sampler"
MEMBERS = [path for path in sorted(CONF.rglob("*.yaml")) if not path.stem.startswith("_")]
BATCH_SIZE = 16
every_sampler = pytest.mark.parametrize("path", MEMBERS, ids=lambda path: path.stem)
either_minority = pytest.mark.parametrize("minority", [0, 1])
Labels = NDArray[np.int64]


def make_labels(rare: int = 13, common: int = 88, minority: int = 0) -> Labels:
    labels = np.repeat([minority, 1 - minority], [rare, common]).astype(np.int64)
    return np.random.default_rng(5).permutation(labels)


def build(path: Path, labels: Labels, seed: int = 0) -> IndexSampler:
    """Make a sampler as the training command does, with options of other groups in reach."""
    cfg = OmegaConf.create({"sampler": OmegaConf.load(path), "data": {"batch_size": BATCH_SIZE}})
    sampler: IndexSampler = instantiate(cfg.sampler, _convert_="all")(labels, seed)
    return sampler


def at(sampler: IndexSampler, epoch: int, progress: float = 0.0) -> list[int]:
    sampler.set_epoch(epoch)
    sampler.set_progress(progress)
    return list(sampler)
