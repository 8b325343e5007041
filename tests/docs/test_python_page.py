"""The examples of docs/python.md run as they stand."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from imbclf.training.lightning_warnings import silence_lightning

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of a plain Lightning trainer, which is the user's own
def test_every_example_runs(
    make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_folder()
    monkeypatch.chdir(tmp_path)
    silence_lightning()
    assert len(BLOCKS) == 5
    names: dict[str, object] = {}
    for block in BLOCKS:
        exec(compile(block, str(PAGE), "exec"), names)
    table = names["table"]
    assert list(table.columns) == [  # type: ignore[attr-defined]
        *("file", "label", "p_0", "p_1", "score", "warning")
    ]
    assert len(table) == 15  # type: ignore[arg-type]
