"""Lists of names and suggestions in messages."""

import difflib
import re
from collections.abc import Iterable, Sequence
from math import floor, log10


def first_few(names: Sequence[str], limit: int = 5) -> str:
    """Return at most `limit` names, joined, and the number of the others.

    >>> first_few(["a", "b", "c"], limit=2)
    'a, b and 1 more'
    """
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit:,} more"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a message that suggests the nearest known name, or lists all of them.

    >>> did_you_mean("gama", ["gamma", "alpha"]), did_you_mean("zzz", ["gamma", "alpha"])
    ('; did you mean gamma?', '; known here: alpha, gamma')
    """
    known = sorted(known)
    return suggest(name, known) or f"; known here: {', '.join(known) or 'none'}"


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message that suggests the nearest known name; "" if none is near.

    >>> suggest("GAMA", ["gamma", "alpha"]), suggest("zzz", ["gamma", "alpha"])
    ('; did you mean gamma?', '')
    """
    by_lower_case = {one.lower(): one for one in sorted(known)}
    close = difflib.get_close_matches(name.lower(), by_lower_case, n=1)
    return f"; did you mean {by_lower_case[close[0]]}?" if close else ""


def probability_text(probability: float) -> str:
    """Return a probability with two digits of it, or of what it lacks of 1; at most four decimals.

    >>> [probability_text(one) for one in (0.5, 0.0057, 0.98731, 0.0)]
    ['0.50', '0.0057', '0.987', '0.0000']
    """
    rest = max(min(probability, 1 - probability), 0.001)
    return f"{probability:.{1 - floor(log10(rest))}f}"


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
