"""What was read of a data set, and what was left out, as paragraphs of a report."""

from collections.abc import Mapping
from typing import Any


def images_read(data: Mapping[str, Any]) -> list[str]:
    """Return sentences on the images, columns and files of `summary["data"]`.

    >>> found = {"images": 9, "source": "a.csv", "columns": {"file": "id"}, "unused_columns": []}
    >>> images_read({**found, "notes": [], "left_out": []})
    ['9 images, labels from a.csv (file: id). No file was left out.']
    """
    used = ", ".join(f"{role}: {column}" for role, column in data["columns"].items())
    first = f"{data['images']:,} images, labels from {data['source']}"
    first += f" ({used})." if used else "."
    if data["unused_columns"]:
        first += f" Columns that were not used: {', '.join(data['unused_columns'])}."
    if not data["left_out"]:
        return [f"{first} No file was left out.", *_sentences(data["notes"])]
    rows = [_row(row) for row in data["left_out"]]
    total = sum(row["count"] for row in data["left_out"])
    return [first, f"Left out, {total:,} in all: {'; '.join(rows)}.", *_sentences(data["notes"])]


def _row(row: Mapping[str, Any]) -> str:
    where = f" of class {row['class']}" if row["class"] else ""
    more = ", ..." if row["count"] > len(row["first"]) else ""
    names = f"{', '.join(row['first'])}{more}"
    return f"{row['count']:,} {row['suffix']}{where}, {row['reason']} ({names})"


def _sentences(notes: list[str]) -> list[str]:
    return [f"{note[:1].upper()}{note[1:]}." for note in notes]
