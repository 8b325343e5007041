"""Words for messages."""

import difflib
import re
from collections.abc import Iterable, Sequence


def first_few(names: Sequence[str], limit: int = 5) -> str:
    """Join at most `limit` names and say how many more there are.

    >>> first_few(["a", "b", "c"], limit=2)
    'a, b and 1 more'
    """
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit:,} more"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return which known name was probably meant, or name them all where there are few.

    >>> did_you_mean("gama", ["gamma", "alpha"])
    '; did you mean gamma?'
    """
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known here: {', '.join(known) or 'none'}"


def text_table(rows: Sequence[Sequence[str]], layout: str) -> str:
    """Align rows of cells in columns.

    Args:
        rows: cells, a header among them where there is one; a row may be short.
        layout: for each column `<` or `>` (left or right) and its least width, with what stands
            between the columns: `"<8  >6 >6"`. A column grows with its longest cell.

    >>> print(text_table([("", "MB", "images/s"), ("model.onnx", "44.7", "120")], "<6 >6 >9"))
                   MB  images/s
    model.onnx   44.7       120
    """
    columns = re.findall(r"([<>])(\d*)", layout)
    gaps = re.split(r"[<>]\d*", layout)
    widths = [
        max([int(least or 0), *(len(row[place]) for row in rows if place < len(row))])
        for place, (_, least) in enumerate(columns)
    ]
    lines = []
    for row in rows:
        parts = [gaps[0]]
        for cell, (side, _), width, gap in zip(row, columns, widths, gaps[1:], strict=False):
            parts += [f"{cell:{side}{width}}", gap]
        lines.append("".join(parts).rstrip())
    return "\n".join(lines)
