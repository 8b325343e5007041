"""Two hundred epochs of a tiny network: memory, open files and threads stay what they are."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from helpers.commands import small

# The command, with a loss that notes down as every epoch starts what the process holds.
WATCHED = """
import json, os, sys, threading
from torch import nn

class Watching(nn.BCEWithLogitsLoss):
    seen = []

    def set_progress(self, fraction):
        if fraction == 1:  # the epoch's end
            return
        pages = int(open("/proc/self/statm").read().split()[1])
        tasks = len(os.listdir("/proc/self/task"))
        self.seen.append([fraction, pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
                          len(os.listdir("/proc/self/fd")), tasks])

if __name__ == "__main__":
    import watched
    from imbclf.cli.train import main
    try:
        main()
    finally:
        json.dump(watched.Watching.seen, open("seen.json", "w"))
"""
EPOCHS, FOLDS = 200, 5


@pytest.mark.slow
def test_neither_memory_nor_files_nor_threads_grow(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "watched.py").write_text(WATCHED)
    arguments = small(
        make_folder(images=24, minority=8, size=32),
        *("loss._target_=watched.Watching", "tracking=none", f"cv.folds={FOLDS}"),
        *("cv.dev_fraction=0.2", "data.batch_size=8", "hydra.run.dir=run"),
    )
    arguments = [one for one in arguments if not one.startswith("trainer.max_epochs")]
    done = subprocess.run(
        [sys.executable, "watched.py", *arguments, f"trainer.max_epochs={EPOCHS // FOLDS}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = np.array(json.loads((tmp_path / "seen.json").read_text()))
    starts = np.flatnonzero(seen[:, 0] == 0)
    assert len(starts) == FOLDS
    assert len(seen) == EPOCHS
    memory = seen[:, 1]
    # A fold's network, gradients and optimizer take 6 MiB; the first fold warms up.
    second = starts[1] + 20
    assert memory[-20:].mean() - memory[second : second + 20].mean() < 6, memory[::10]
    assert memory[starts[1] - 1] - memory[20] < 3, memory[::10]
    # As each fold starts, files and threads are what they were as the first did.
    assert seen[starts, 2].max() == seen[starts[0], 2]
    assert (seen[starts[1:], 3] == seen[starts[1], 3]).all()
