"""Tables of labels in text: cells parted by commas, tabs or spaces."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from imbclf.data.reading.table import UNNAMED, Table
from imbclf.errors import UserError

HEAD = 100_000  # characters of a table that are looked at to choose it
SEPARATORS = re.compile(r"[,;\t|]")
DATA = re.compile(r"-?\d+(\.\d*)?|.+\.(jpe?g|png|tiff?|bmp|webp|gif|dcm)", re.IGNORECASE)


def parse_table(path: Path, text: str, notes: Sequence[str] = ()) -> Table:
    """Parse a text of rows, whose cells are parted by comma, semicolon, tab, | or spaces.

    Lines at the top that begin with # are comments, but for a header. A first row with the name of
    an image or a number is no header. A single number in the first
    line is the number of rows, and a header with one name less than the rows have cells lacks the
    name of the first column, as in CelebA.

    Raises:
        UserError: the quotes of a row do not close, or rows parted by spaces differ in length.
    """
    text = _without_comments(text)
    first = re.split(r"[\r\n]", text.lstrip(), maxsplit=1)[0]
    delimiter = max(",;\t|", key=first.count)
    if delimiter in first:
        rows, lines = _rows(path, text, delimiter)
    else:
        rows, lines = _rows_of_words(path, text)
    if not rows:
        raise UserError(f"{path} is empty; expected labels")
    named = not any(looks_like_data(cell) for cell in rows[0])
    header = [cell.strip() for cell in rows[0]] if named else [*map(str, range(len(rows[0])))]
    if named:
        rows, lines = rows[1:], lines[1:]
        if rows and len(rows[0]) == len(header) + 1 and delimiter not in first:
            header = [UNNAMED, *header]
    width = len(header)
    if any(len(row) != width for row in rows):
        rows = [[*row[:width], *[""] * (width - len(row))] for row in rows]
    columns = [[*cells] for cells in zip(*rows, strict=True)] or [[] for _ in header]
    return Table(path, dict(zip(_distinct(header), columns, strict=True)), lines, named, notes)


def looks_like_data(cell: str) -> bool:
    """Return whether a cell is a number or the name of an image, and so no name of a column.

    >>> looks_like_data("0.5"), looks_like_data("a/1.PNG"), looks_like_data("file")
    (True, True, False)
    """
    return bool(DATA.fullmatch(cell.strip()))


def _without_comments(text: str) -> str:
    """Return a text whose first lines, if they begin with #, are blank; a header with # stays."""
    if not text.lstrip().startswith("#"):
        return text
    head: list[str] = []
    rest = text
    while match := re.match(r"[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)", rest):
        if looks_like_data(SEPARATORS.split(match[0], maxsplit=1)[0]):
            break
        head.append(match[0])
        rest = rest[match.end() :]
    cells = len(SEPARATORS.split(re.split(r"[\r\n]", rest, maxsplit=1)[0]))
    if head and cells > 1 and len(SEPARATORS.split(head[-1])) == cells:
        rest = head.pop().replace("#", "", 1) + rest
    return "".join(re.sub(r"[^\r\n]", "", line) for line in head) + rest


def _rows(path: Path, text: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, lines = [], []
    try:
        for row in reader:
            if row and (row[0] or any(cell.strip() for cell in row)):
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: {error}") from None
    return rows, lines


def _rows_of_words(path: Path, text: str) -> tuple[list[list[str]], list[int]]:
    numbered = enumerate(re.split(r"\r\n|\r|\n", text), 1)
    found = [(line.split(), number) for number, line in numbered if line.strip()]
    if len(found) > 2 and len(found[0][0]) == 1 < len(found[1][0]) and found[0][0][0].isdigit():
        del found[0]  # the number of rows
    widths = [len(row) for row, _ in found[1:]]
    for row, number in found[1:]:
        if len(row) != widths[0]:
            raise UserError(
                f"{path}, line {number}: {len(row)} cells parted by spaces, the lines before have "
                f"{widths[0]}; part them by commas or tabs"
            )
    return [row for row, _ in found], [number for _, number in found]


def _distinct(header: Iterable[str]) -> list[str]:
    names: list[str] = []
    for name in header:
        named, again = name or UNNAMED, 1
        while named in names:
            named, again = f"{name or UNNAMED}.{again}", again + 1
        names.append(named)
    return names
