"""The first tutorial runs as it stands, on fewer images and for one epoch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from imbclf.data.demo import write_demo
from page_commands import ROOT, commands

PAGE = ROOT / "docs" / "tutorials" / "first-classifier.md"
QUICK = ["model=shufflenet_v2_x1_0", "trainer.max_epochs=1", "tracking=none"]


def last_of(arguments: list[str]) -> list[str]:
    """Return the options, of those given twice the last."""
    return [*{one.split("=")[0]: one for one in arguments}.values()]


@pytest.mark.slow
def test_the_first_tutorial_runs(tmp_path: Path) -> None:
    write_demo(tmp_path / "faces", images=120, unlabeled=8)
    written = [*commands(PAGE)]
    assert [name for name, _ in written] == [
        *("explore", "train", "train", "compare"),
        *("predict", "predict", "predict", "predict"),
    ]
    for name, arguments in written[:5]:  # the others only move the threshold
        quick = QUICK if name == "train" else []
        code = f"from imbclf.cli.{name} import main; main()"
        subprocess.run(
            [sys.executable, "-c", code, *last_of([*arguments, *quick])],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "100"},
            check=True,
        )
    outputs = tmp_path / "outputs"
    assert (outputs / "train" / "faces" / "report.html").exists()
    assert (outputs / "train" / "focal" / "report.html").exists()
    labels = (outputs / "predict" / "faces" / "labels.txt").read_text(encoding="utf-8")
    assert len(labels.splitlines()) == 8
    assert (outputs / "predict" / "faces" / "predictions.html").exists()
