"""kill -9 at random moments: what goes on afterwards ends as if nothing had happened."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.commands import killed, run, small

# The second has dropout and stochastic depth, whose masks depend on the global random state; the
# third has slow batch norms, whose statistics are estimated anew after every epoch.
KILLS = {"shufflenet_v2_x0_5": 8, "efficientnet_b0": 4, "mobilenet_v3_small": 4}
# Whatever depends on how far training is, or remembers something.
DRAWS = (
    "trainer.max_epochs=4",
    "sampler=progressive",
    "loss.start_at=0.5",
    "loss.ramp=0.25",
    "optim.schedule=one_cycle",
    "optim.ema=0.9",
    "augment.mixup=0.2",
    "tracking=none",
    "cv.folds=2",
)


# A callback that remembers something, and changes training by it.
MINE = """
import lightning as L
class Anneal(L.Callback):
    def __init__(self, share):
        self.share, self.batches = share, 0
    def on_train_batch_start(self, trainer, module, batch, number):
        self.batches += 1
        for group in trainer.optimizers[0].param_groups:
            group["lr"] *= self.share ** self.batches
    def state_dict(self):
        return {"batches": self.batches}
    def load_state_dict(self, state):
        self.batches = state["batches"]
"""
EXTENDED = (
    "trainer.max_epochs=7",
    "callbacks=early_stopping",
    "trainer.callbacks.early_stopping.patience=2",
    "trainer.callbacks.mine._target_=mine.Anneal",
    "trainer.callbacks.mine.share=0.999",
    "logger=[csv,tensorboard]",
    "tracking=none",
    "cv.folds=2",
)


def results(folder: Path) -> dict[str, bytes]:
    files = [folder / "oof.csv", folder / "splits.csv", *(folder / "predictor").iterdir()]
    # The model card is written with the report, once the run is finished: imbclf-report makes both.
    return {path.name: path.read_bytes() for path in files if "README.md" not in path.name}


@pytest.mark.slow
@pytest.mark.parametrize("name", KILLS)
def test_after_a_kill_at_any_moment_the_result_is_the_same(
    make_folder: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    drawn = name == next(iter(KILLS))  # figures and report, too, may be broken off
    arguments = small(make_folder(images=90), *DRAWS, f"model.name={name}")
    began = time.perf_counter()
    whole = run("train", *arguments, "hydra.run.dir=whole", cwd=tmp_path, drawn=drawn)
    assert whole.returncode == 0, whole.stderr
    lasted = time.perf_counter() - began
    expected = results(tmp_path / "whole")
    moments = np.random.default_rng(time.time_ns()).uniform(0.05, 1.0, KILLS[name])
    broken_off = 0
    for number, moment in enumerate(moments):
        # A cache of its own, so that decoding is broken off too.
        own = [*arguments, f"hydra.run.dir=run{number}", f"data.cache_dir=cache{number}"]
        killed("train", *own, cwd=tmp_path, after=moment * lasted, drawn=drawn)
        folder = tmp_path / f"run{number}"
        if not (folder / "summary.json").exists():
            broken_off += 1
            began_before = (folder / "config.yaml").exists()
            again = [f"resume=run{number}"] if began_before else own
            done = run("train", *again, cwd=tmp_path)
            assert done.returncode == 0, (moment, done.stderr)
        else:
            lasted *= 0.8  # the machine has become faster
        assert results(folder) == expected, f"killed after {moment:.3f} of {lasted:.1f} s"
    assert broken_off >= KILLS[name] // 2


@pytest.mark.slow
def test_a_run_with_early_stopping_loggers_and_an_own_callback_is_resumed_to_the_same_bytes(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    arguments = small(make_folder(), *EXTENDED)
    began = time.perf_counter()
    done = run("train", *arguments, "hydra.run.dir=whole", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lasted = time.perf_counter() - began
    expected = results(tmp_path / "whole")
    epochs = [len(pd.read_csv(tmp_path / f"whole/fold_{fold}/metrics.csv")) for fold in range(2)]
    assert min(epochs) < 7, "no fold was stopped early"
    broken_off = 0
    for number, moment in enumerate(np.random.default_rng(time.time_ns()).uniform(0.2, 1, 3)):
        own = tmp_path / f"run{number}"
        run_dir = f"hydra.run.dir={own.name}"
        killed("train", *arguments, run_dir, cwd=tmp_path, after=moment * lasted)
        if not (own / "summary.json").exists():
            broken_off += 1
            approvals = ["trainer.callbacks.mine._target_=mine.Anneal"]
            began_before = (own / "config.yaml").exists()
            again = (
                [f"resume={own.name}", *approvals]
                if began_before
                else [*arguments, f"hydra.run.dir={own.name}"]
            )
            done = run("train", *again, cwd=tmp_path)
            assert done.returncode == 0, (moment, done.stderr)
        else:
            lasted *= 0.5  # the first run began on a colder machine
        assert results(own) == expected, f"killed after {moment:.3f} of {lasted:.1f} s"
        for fold in range(2):
            table = pd.read_csv(own / f"fold_{fold}/metrics.csv")
            assert table["epoch"].tolist() == [*range(1, epochs[fold] + 1)]
            logged = [
                pd.read_csv(one) for one in sorted(own.glob(f"logs/csv/fold_{fold}/*/metrics.csv"))
            ]
            last = pd.concat(logged).drop_duplicates("epoch", keep="last").sort_values("epoch")
            assert last["epoch"].tolist() == table["epoch"].tolist()
            assert [*own.glob(f"logs/tensorboard/fold_{fold}/events*")]
    assert broken_off > 0
