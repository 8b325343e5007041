"""The benchmark of a peer: what it writes is compared like a run. LibAUC is not installed here."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imbclf.evaluation.comparison import rank
from imbclf.evaluation.finished_run import read_run

OPTIONS = ("data=folder", "model.weights=null", "cv.folds=2", "trainer.max_epochs=4")
SHUFFLENET = ("model=shufflenet_v2_x1_0", "model.name=shufflenet_v2_x0_5", "data.batch_size=16")


class Loss(nn.Module):
    """Stands in for AUCMLoss: of probabilities, high for the rare label."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.to(device)

    def forward(self, probabilities: Tensor, is_rare: Tensor) -> Tensor:
        return nn.functional.binary_cross_entropy(probabilities, is_rare.float())


class Optimizer(torch.optim.SGD):
    """Stands in for PESG, and counts how often its rate was lessened."""

    decays = 0

    def __init__(
        self,
        parameters: Iterator[nn.Parameter],
        loss_fn: Loss,
        verbose: bool,
        device: torch.device,
    ) -> None:
        del loss_fn, verbose, device
        super().__init__(parameters, lr=0.01)

    def update_regularizer(self, decay_factor: float) -> None:
        assert decay_factor == 10
        Optimizer.decays += 1


class Sampler:
    """Stands in for DualSampler: batches of which the first half is of the rare label."""

    num_batches = 2

    def __init__(
        self, dataset: None, size: int, labels: NDArray[np.int64], random_seed: int
    ) -> None:
        del dataset
        random = np.random.default_rng(random_seed)
        halves = [random.choice(np.flatnonzero(labels == one), (2, size // 2)) for one in (1, 0)]
        self.rows = np.concatenate(halves, axis=1).ravel().tolist()

    def __iter__(self) -> Iterator[int]:
        return iter(self.rows)


@pytest.fixture
def benchmark_peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Import the script where LibAUC is as above."""
    parts = {"losses": ("AUCMLoss", Loss), "optimizers": ("PESG", Optimizer)}
    parts |= {"sampler": ("DualSampler", Sampler)}
    for part, (name, stand_in) in parts.items():
        module = ModuleType(f"libauc.{part}")
        setattr(module, name, stand_in)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    yield importlib.import_module("benchmark_peer")
    sys.modules.pop("benchmark_peer", None)


def test_a_peer_writes_a_run_that_is_compared(
    benchmark_peer: ModuleType,
    make_folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = tmp_path / "peer"
    arguments = [str(run), *OPTIONS, *SHUFFLENET, f"data.dir={make_folder(images=60)}"]
    monkeypatch.setattr(sys, "argv", ["benchmark_peer.py", *arguments])
    Optimizer.decays = 0
    benchmark_peer.main()
    assert Optimizer.decays == 4  # after two and three of four epochs, in two folds
    table = pd.read_csv(run / "oof.csv")
    assert table["file"].is_unique
    assert len(table) == 60
    peer = read_run(run, "peer")
    (one, other) = rank([peer, read_run(run, "again")], "peer")
    assert one.hter == other.hter == pytest.approx(peer.summary["hter"])
