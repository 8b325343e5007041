"""A table of labels in any of the forms in which people have it: columns of text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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


def without_header(table: Table) -> Table:
    """Return a table whose header is its first row; the columns are called 0, 1, ..."""
    columns = {
        str(place): [name, *cells] for place, (name, cells) in enumerate(table.columns.items())
    }
    return Table(table.path, columns, [1, *table.lines], named=False, notes=table.notes)
