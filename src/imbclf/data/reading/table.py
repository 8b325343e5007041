"""A table of labels in any of the forms in which people have it: columns of text."""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imbclf.data.reading.text_file import read_text
from imbclf.errors import UserError

TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx")
_DATA = re.compile(r"-?\d+(\.\d*)?|.+\.(jpe?g|png|tiff?|bmp|webp|gif|dcm)", re.IGNORECASE)
HEAD = 100_000  # characters of a table that are looked at to choose it
UNNAMED = "unnamed"  # column without a name in the header


@dataclass(frozen=True, eq=False)
class Table:
    """The columns of a table, as text.

    Attributes:
        path: the file.
        columns: name and cells `[R]` of each column, in the order of the file, not stripped.
        lines: `[R]`, line number of each row.
        named: whether the file names its columns; otherwise they are called 0, 1, ...
        notes: what was guessed about the file.
    """

    path: Path
    columns: Mapping[str, list[str]]
    lines: Sequence[int]
    named: bool = True
    notes: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.lines)

    def listed(self) -> str:
        """Return the columns, one a line, each with a few of its values."""
        described = []
        for name, cells in self.columns.items():
            values = [*dict.fromkeys(shortened(cell) for cell in cells[:1000])]
            more = ", ..." if len(values) > 4 else ""
            described.append(f"\n    {name}: {', '.join(values[:4])}{more}")
        return "".join(described[:40]) + ("\n    ..." if len(described) > 40 else "")


def shortened(cell: str) -> str:
    """Return a cell as a message shows it: at most 30 characters, blank said.

    >>> shortened(" a "), shortened(""), len(shortened("a" * 99))
    ('a', '(blank)', 30)
    """
    text = cell.strip() or "(blank)"
    return text if len(text) <= 30 else f"...{text[-27:]}"


def read_table(path: Path) -> Table:
    """Read a table: CSV and the like, JSON, JSON lines, Parquet or Excel.

    Raises:
        UserError: the file cannot be read, or is none of these.
    """
    suffix = path.suffix.lower()
    if suffix in (".parquet", ".xlsx"):
        from imbclf.data.reading.spreadsheet import read_spreadsheet

        return read_spreadsheet(path)
    text, note = read_text(path)
    notes = [note] if note else []
    if suffix in (".jsonl", ".ndjson"):
        lines = [number for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        rows = [
            _parsed(line, path, number)
            for number, line in enumerate(text.split("\n"), 1)
            if line.strip()
        ]
        return _from_records(path, rows, lines, notes)
    if suffix == ".json":
        rows = _json_rows(_parsed(text, path, 1), path)
        return _from_records(path, rows, range(1, len(rows) + 1), notes)
    return parse_table(path, text, notes)


def read_head(path: Path) -> Table:
    """Read the first rows of a table, to see what its columns hold.

    Raises:
        UserError: as `read_table`.
    """
    if path.suffix.lower() in (".csv", ".tsv", ".txt"):
        text, _ = read_text(path)
        head = "\n".join(text[:HEAD].splitlines()[:-1]) if len(text) > HEAD else text
        try:
            return parse_table(path, head)
        except UserError:  # a quoted cell may go on beyond the head
            return read_table(path)
    return read_table(path)


def parse_table(path: Path, text: str, notes: Sequence[str] = ()) -> Table:
    """Parse a text of rows, whose cells are parted by comma, semicolon, tab, | or spaces.

    A first row with the name of an image or a number is no header. A single number in the first
    line is the number of rows, and a header with one name less than the rows have cells lacks the
    name of the first column, as in CelebA.

    Raises:
        UserError: the quotes of a row do not close, or rows parted by spaces differ in length.
    """
    first = re.split(r"[\r\n]", text.lstrip(), maxsplit=1)[0]
    delimiter = max(",;\t|", key=first.count)
    if delimiter in first:
        rows, lines = _rows(path, text, delimiter)
    else:
        rows, lines = _rows_of_words(path, text)
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


def without_header(table: Table) -> Table:
    """Return a table whose header is its first row; the columns are called 0, 1, ..."""
    columns = {
        str(place): [name, *cells] for place, (name, cells) in enumerate(table.columns.items())
    }
    return Table(table.path, columns, [1, *table.lines], named=False, notes=table.notes)


def looks_like_data(cell: str) -> bool:
    """Return whether a cell is a number or the name of an image, and so no name of a column.

    >>> looks_like_data("0.5"), looks_like_data("a/1.PNG"), looks_like_data("file")
    (True, True, False)
    """
    return bool(
        re.fullmatch(r"\s*(-?\d+(\.\d*)?|.+\.(jpe?g|png|tiff?|bmp|webp|gif|dcm))\s*", cell, re.I)
    )


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
    """Return the rows of a list of objects, an object of columns, or one of file and label."""
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
