"""CSV and JSON files whose floats read back exactly."""

import csv
import json
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from imbclf.utils.files import write_text


def write_table(path: Path, columns: Mapping[str, Any]) -> None:
    """Write columns as CSV, atomically; floats read back exactly.

    Args:
        path: the file.
        columns: equally long columns by name; None and NaN become empty cells.
    """
    text = _csv(columns, csv.QUOTE_MINIMAL)
    # Python's writer does not quote carriage returns, which readers take as line ends.
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
    """Read a table of `write_table`, floats exactly; a file named `NA` is not a missing value."""
    exact = ("logit", "score")
    # As text, since groups 1 and 01 differ.
    as_written = dict.fromkeys((*exact, "file", "group"), str)
    table = pd.read_csv(path, keep_default_na=False, dtype=as_written)
    # The float parser of pandas is not exact in all versions.
    return table.astype({name: np.float64 for name in exact if name in table})


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON, atomically; numbers that are not finite become null."""

    def plain(item: Any) -> Any:  # noqa: ANN401
        if isinstance(item, Mapping):
            return {str(key): plain(part) for key, part in item.items()}
        if isinstance(item, list | tuple):
            return [plain(part) for part in item]
        if isinstance(item, float) and not np.isfinite(item):
            return None
        return item

    write_text(path, json.dumps(plain(value), indent=2, allow_nan=False) + "\n")


def check_columns(table: pd.DataFrame, names: Sequence[str]) -> None:
    """Raise a ValueError that names the columns that a table lacks."""
    missing = [name for name in names if name not in table]
    if missing:
        raise ValueError(f"no column {', '.join(missing)}")
