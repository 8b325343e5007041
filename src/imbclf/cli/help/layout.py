"""Two columns of text that fold where a terminal is narrow."""

import re
import textwrap
from collections.abc import Sequence

WIDEST = 100
COLUMN = 36  # at most, where the right side begins
LEAST = 40  # letters that the right side needs, else it goes below
BELOW = 8


def two_columns(rows: Sequence[tuple[str, str]]) -> str:
    """Return rows as text: the right sides begin in one column, or on a line of their own.

    >>> print(two_columns([("seed=0", "of all that is drawn"), ("cv.folds=5", "parts")]))
      seed=0      of all that is drawn
      cv.folds=5  parts
    """
    lengths = [len(left) + 4 for left, _ in rows]
    column = max((one for one in lengths if one <= COLUMN), default=COLUMN)
    lines = []
    for (left, right), length in zip(rows, lengths, strict=True):
        start = f"  {left}" if length <= column else f"  {left}\n"
        lines.append(
            f"{start:<{column}}{right}" if length <= column else start + " " * column + right
        )
    return "\n".join(line.rstrip() for line in lines)


def fold(text: str, width: int = WIDEST) -> str:
    """Break lines that are too long, below the column that they end in or, if narrow, indented.

    A column is what two spaces or more precede.

    >>> print(fold("  seed=0  of all that is drawn in training and splits", 50))
      seed=0  of all that is drawn in training and
              splits
    >>> print(fold("  seed=0  of all that is drawn in training", 32))
      seed=0
            of all that is drawn in
            training
    """
    return "\n".join(_fold_line(line, width) for line in text.splitlines())


def _fold_line(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    gaps = [found.end() for found in re.finditer(r"(?<=\S) {2,}(?=\S)", line)]
    column = gaps[-1] if gaps else len(line) - len(line.lstrip())
    if column <= width - LEAST:
        return _wrapped(line, width, column)
    head, body = line[:column].rstrip(), " " * BELOW + line[column:]
    return "\n".join(
        [*([_wrapped(head, width, BELOW)] if head else []), _wrapped(body, width, BELOW)]
    )


def _wrapped(line: str, width: int, indent: int) -> str:
    lines = textwrap.wrap(
        line, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines)
