"""docs/notebook.ipynb runs from the first cell to the last, as `jupyter nbconvert` runs it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"


def cells(path: Path) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads(path.read_text())["cells"]
    return [cell for cell in read if cell["cell_type"] == "code"]


def test_the_notebook_is_stored_without_outputs() -> None:
    assert len(cells(NOTEBOOK)) >= 6
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells(NOTEBOOK))


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path) -> None:
    shutil.copy(NOTEBOOK, tmp_path / "notebook.ipynb")
    kernel = tmp_path / "kernels" / "kernels" / "python3"  # of this interpreter, not of a user's
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "Python 3", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute"),
            *("--ExecutePreprocessor.timeout=1200", "--output", "executed", "notebook.ipynb"),
        ],
        cwd=tmp_path,
        env={**os.environ, "JUPYTER_PATH": str(tmp_path / "kernels"), "IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    executed = cells(tmp_path / "executed.ipynb")
    assert [cell["execution_count"] for cell in executed] == [*range(1, len(executed) + 1)]
    shown = json.dumps([cell["outputs"] for cell in executed])
    assert "HTER" in shown  # of the run, and of the verdict
    assert re.search(r"p_[01]\b", shown)  # of the table of new images
    assert "Traceback" not in shown
    warned = [
        output for cell in executed for output in cell["outputs"] if output.get("name") == "stderr"
    ]
    assert not any("Warning:" in "".join(output["text"]) for output in warned), warned
    assert (tmp_path / "run" / "report.html").exists()
    assert (tmp_path / "exploration" / "explore.html").exists()
