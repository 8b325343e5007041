"""Tables of labels in JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from imbclf.data.reading.coco import coco_rows, is_coco
from imbclf.data.reading.table import Table
from imbclf.errors import UserError


def read_json(path: Path, text: str, notes: Sequence[str]) -> Table:
    """Read a list of objects, an object of columns, or one of names and labels."""
    rows = _json_rows(_parsed(text, path, 1), path)
    return _from_records(path, rows, range(1, len(rows) + 1), notes)


def read_json_lines(path: Path, text: str, notes: Sequence[str]) -> Table:
    """Read an object a line."""
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    rows = [_parsed(line, path, number) for number, line in lines]
    return _from_records(path, rows, [number for number, _ in lines], notes)


def _from_records(
    path: Path, rows: Sequence[object], lines: Sequence[int], notes: Sequence[str]
) -> Table:
    records: list[Mapping[str, object]] = []
    for row, line in zip(rows, lines, strict=True):
        if not isinstance(row, Mapping):
            raise UserError(f'{path}, line {line}: expected an object such as {{"file": ...}}')
        records.append(row)
    names = [*dict.fromkeys(str(name) for record in records for name in record)]
    columns = {name: [as_text(record.get(name)) for record in records] for name in names}
    return Table(path, columns, lines, notes=notes)


def _parsed(text: str, path: Path, line: int) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UserError(f"{path}, line {line}: not JSON ({error})") from None


def _json_rows(content: object, path: Path) -> list[object]:
    """Return the rows of a list of objects, of one of columns or of files and labels, of COCO."""
    if is_coco(content):
        try:
            return coco_rows(cast("Mapping[str, Sequence[Mapping[str, object]]]", content))
        except (KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"{path}: expected images with id and file_name, annotations with image_id and "
                f"category_id, categories with id and name (COCO); {error!r}"
            ) from None
    if isinstance(content, list) and content:
        return content
    if isinstance(content, Mapping) and content:
        values = [*content.values()]
        if all(isinstance(column, list) for column in values):
            return [dict(zip(content, row, strict=False)) for row in zip(*values, strict=False)]
        if all(isinstance(row, Mapping) for row in values):
            return [{"file": name, **row} for name, row in content.items()]
        if not any(isinstance(value, Mapping | list) for value in values):
            return [{"file": name, "label": label} for name, label in content.items()]
    raise UserError(f"{path}: expected a list of objects with the name and label of an image each")


def as_text(value: object) -> str:
    """Return a cell as text: several values are parted by |, a missing one is empty.

    >>> as_text(["a", "b"]), as_text(None), as_text(float("nan")), as_text(True)
    ('a|b', '', '', 'true')
    """
    if isinstance(value, list | tuple):
        return "|".join(map(as_text, value))
    if value is None or value != value or str(value) in ("NaT", "<NA>"):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
