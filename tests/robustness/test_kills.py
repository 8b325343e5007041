"""kill -9 at random moments: what goes on afterwards ends as if nothing had happened."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from helpers.commands import run, small

# The second has dropout and stochastic depth, whose masks depend on the global random state; the
# third has slow batch norms, whose statistics are estimated anew after every epoch.
KILLS = {"shufflenet_v2_x0_5": 12, "efficientnet_b0": 6, "mobilenet_v3_small": 6}
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
    "cv.folds=3",
)


def start(arguments: list[str], cwd: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [Path(sys.executable).with_name("imbclf-train"), *arguments],
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def results(folder: Path) -> dict[str, bytes]:
    files = [folder / "oof.csv", folder / "splits.csv", *(folder / "predictor").iterdir()]
    return {path.name: path.read_bytes() for path in files}


@pytest.mark.slow
@pytest.mark.parametrize("name", KILLS)
def test_after_a_kill_at_any_moment_the_result_is_the_same(
    make_folder: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    arguments = small(make_folder(), *DRAWS, f"model.name={name}")
    began = time.perf_counter()
    assert run("train", *arguments, "hydra.run.dir=whole", cwd=tmp_path).returncode == 0
    lasted = time.perf_counter() - began
    expected = results(tmp_path / "whole")
    moments = np.random.default_rng(time.time_ns()).uniform(0.2, 1.0, KILLS[name])
    broken_off = 0
    for number, moment in enumerate(moments):
        # A cache of its own, so that decoding is broken off too.
        own = [*arguments, f"hydra.run.dir=run{number}", f"data.cache_dir=cache{number}"]
        process = start(own, tmp_path)
        time.sleep(moment * lasted)
        process.send_signal(signal.SIGKILL)
        process.wait()
        folder = tmp_path / f"run{number}"
        if not (folder / "summary.json").exists():
            broken_off += 1
            began_before = (folder / "config.yaml").exists()
            again = [f"resume=run{number}"] if began_before else own
            done = run("train", *again, cwd=tmp_path)
            assert done.returncode == 0, (moment, done.stderr)
        assert results(folder) == expected, f"killed after {moment:.3f} of {lasted:.1f} s"
    assert broken_off >= KILLS[name] // 2
