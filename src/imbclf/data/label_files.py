"""Reading of label files and tables."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from imbclf.errors import UserError


@dataclass(frozen=True)
class Table:
    """The rows of a label table, in the order of the file.

    Attributes:
        files: `[R]`, file names as written, with surrounding spaces.
        labels: `[R]`, stripped.
        groups: `[R]`, stripped; None without such a column.
        lines: `[R]`, line number of each row.
    """

    files: list[str]
    labels: list[str]
    groups: list[str] | None
    lines: list[int]


def read_text(path: Path) -> str:
    """Read a UTF-8 text file, with or without byte order mark; line ends are not converted.

    Raises:
        UserError: `path` is missing, a folder, unreadable, empty or not UTF-8 text.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; expected a text file of labels") from None
    except OSError as error:
        raise UserError(f"Cannot read the labels in {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        problem = f"byte {error.start} is not UTF-8"
        raise UserError(f"{path} is not a text file: {problem}; save it as UTF-8") from None
    if "\0" in text:
        raise UserError(f"{path} is not a text file: it holds zero bytes; save it as UTF-8")
    if not text.strip():
        raise UserError(f"{path} is empty; expected labels")
    return text


def read_lines(path: Path) -> list[str]:
    """Read one label per line; blank lines give "", except at the end of the file.

    Raises:
        UserError: as `read_text`.
    """
    # Not str.splitlines, which also splits at form feeds and the like.
    text = read_text(path).rstrip().replace("\r\n", "\n").replace("\r", "\n")
    return [line.strip() for line in text.split("\n")]


def read_table(path: Path) -> Table:
    """Read a table with the columns `file`, `label` and optionally `group`.

    Columns may be in any order, separated by commas, semicolons or tabs; other columns and empty
    lines are ignored. Missing cells are "".

    Raises:
        UserError: the file cannot be read, or its first line does not name the columns.
    """
    text = read_text(path)
    first = re.split(r"[\r\n]", text, maxsplit=1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    cells: dict[str, list[str]] = {"file": [], "label": [], "group": []}
    numbers = []
    try:
        header = [name.strip().lower() for name in next(reader)]
        if missing := [name for name in ("file", "label") if name not in header]:
            raise UserError(
                f"{path} has no column {' and no column '.join(missing)}; its first line must "
                f"name the columns, as in file,label or file,label,group; found: {first}"
            )
        positions = {name: header.index(name) for name in cells if name in header}
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            numbers.append(reader.line_num)
            for name, position in positions.items():
                cells[name].append(row[position] if position < len(row) else "")
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: {error}") from None
    labels, groups = ([cell.strip() for cell in cells[name]] for name in ("label", "group"))
    return Table(cells["file"], labels, groups if "group" in positions else None, numbers)
