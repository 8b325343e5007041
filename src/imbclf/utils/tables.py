"""Tables and JSON as files, exact to the last bit."""

import csv
import json
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from imbclf.utils.files import write_text


def write_table(path: Path, columns: Mapping[str, Any]) -> None:
    """Write equally long columns as CSV, whole or not at all; floats so that they read back.

    What is None or not a number leaves its cell empty.
    """
    text = _csv(columns, csv.QUOTE_MINIMAL)
    # Python's writer leaves a carriage return bare, which a reader takes for the end of a line.
    write_text(path, _csv(columns, csv.QUOTE_NONNUMERIC) if "\r" in text else text)


def _csv(columns: Mapping[str, Any], quoting: Literal[0, 2]) -> str:
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n", quoting=quoting)
    writer.writerow(columns)
    writer.writerows(zip(*map(_cells, columns.values()), strict=True))
    return text.getvalue()


def _cells(column: Any) -> list[Any]:  # noqa: ANN401
    cells: list[Any] = column.tolist() if isinstance(column, np.ndarray) else list(column)
    if isinstance(column, np.ndarray) and column.dtype.kind != "f":
        return cells
    return [None if cell != cell else cell for cell in cells]


def read_table(path: Path) -> pd.DataFrame:
    """Read what `write_table` wrote, floats bit for bit; a file called `NA` stays one."""
    exact = ("logit", "score")
    # Groups called 1 and 01 are two.
    as_written = dict.fromkeys((*exact, "file", "group"), str)
    table = pd.read_csv(path, keep_default_na=False, dtype=as_written)
    # pandas' own parser of floats has not been exact in all its versions.
    return table.astype({name: np.float64 for name in exact if name in table})


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON, whole or not at all; numbers that are not finite become null."""

    def plain(item: Any) -> Any:  # noqa: ANN401
        if isinstance(item, Mapping):
            return {str(key): plain(part) for key, part in item.items()}
        if isinstance(item, list | tuple):
            return [plain(part) for part in item]
        if isinstance(item, float) and not np.isfinite(item):
            return None
        return item

    write_text(path, json.dumps(plain(value), indent=2, allow_nan=False) + "\n")
