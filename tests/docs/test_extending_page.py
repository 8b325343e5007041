"""The examples of docs/extending.md run as they stand."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_every_example_runs() -> None:
    assert len(BLOCKS) == 4
    names: dict[str, object] = {"__name__": "mine"}
    for block in BLOCKS:
        exec(compile(block, str(PAGE), "exec"), names)
