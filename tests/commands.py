"""The commands as a user runs them, and a small experiment."""

import subprocess
import sys
from pathlib import Path

SMALL = (
    "model=shufflenet_v2_x1_0",
    "model.name=shufflenet_v2_x0_5",
    "model.weights=null",
    "data=folder",
    "data.batch_size=32",
    "trainer.max_epochs=2",
    "optim.lr=1e-3",
    "cv.folds=3",
)


def run(command: str, *arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [Path(sys.executable).with_name(f"imbclf-{command}"), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def small(folder: Path, *more: str) -> list[str]:
    return [*SMALL, f"data.dir={folder}", *more]
