"""Columns of a table by name, by number, or by what they hold."""

from collections.abc import Sequence

from imbclf.data.reading.column_names import FILE_NAMES, LABEL_NAMES, plain
from imbclf.data.reading.find_files import FileFinder
from imbclf.data.reading.label_values import canonical
from imbclf.data.reading.options import Column
from imbclf.data.reading.table import Table
from imbclf.errors import UserError
from imbclf.utils.text import did_you_mean, first_few


def find_column(table: Table, option: str, wanted: Column) -> str:
    """Return the column that an option names, by its name or number.

    Raises:
        UserError: there is none.
    """
    names = [*table.columns]
    text = str(wanted)
    if text in names:
        return text
    alike = [name for name in names if name.casefold() == text.strip().casefold()]
    if len(alike) == 1:
        return alike[0]
    if text.isdigit() and int(text) < len(names):
        return names[int(text)]
    raise UserError(
        f"data.{option}={wanted}: {table.path} has no such column"
        f"{did_you_mean(text, names) if len(names) <= 30 else ''}"
    )


def file_column(table: Table, finder: FileFinder, wanted: Column | None) -> str:
    """Return the column of file names: the one named, else `file`, else the one that fits.

    Raises:
        UserError: it cannot be told.
    """
    if wanted is not None:
        return find_column(table, "file", wanted)
    columns = table.columns
    named = [name for name in columns if name.strip().casefold() == "file"]
    if len(named) == 1:
        return named[0]
    usual = [name for name in columns if plain(name) in FILE_NAMES]
    fitting = [name for name in usual if finder.any_exists(columns[name])]
    if not fitting:
        fitting = [name for name, cells in columns.items() if finder.any_exists(cells)]
    if len(fitting) > 1:
        fitting = _likelier(fitting, table, finder) or fitting
    if len(fitting) == 1:
        return fitting[0]
    raise UserError(
        f"{table.path} has {_found_files(fitting)}, in {finder.where}; say which it is with "
        f"data.file=COLUMN. Its columns:"
        f"{table.listed()}"
    )


def _likelier(fitting: Sequence[str], table: Table, finder: FileFinder) -> list[str]:
    """Return the columns whose cells are names as they are written, else those that repeat none.

    Labels 0 and 1 are names, too, where a suffix makes them such: of 0.jpg and 1.jpg.
    """
    cells = table.columns
    written = [name for name in fitting if finder.any_exists(cells[name], as_written=True)]
    return written or [name for name in fitting if len({*cells[name]}) == len(table)]


def _found_files(fitting: Sequence[str]) -> str:
    if fitting:
        return f"more than one column of names of images ({', '.join(fitting)})"
    return "no column file, and no other one holds names of images"


def label_columns(table: Table, file: str, wanted: Column | Sequence[Column] | None) -> list[str]:
    """Return the columns of labels: those named, else `label`, else the one called like labels.

    Raises:
        UserError: they cannot be told; the message lists the columns.
    """
    if wanted is not None:
        several = (
            wanted if isinstance(wanted, Sequence) and not isinstance(wanted, str) else [wanted]
        )
        return [find_column(table, "label", one) for one in several]
    others = [name for name in table.columns if name != file]
    exact = [name for name in others if name.strip().casefold() == "label"]
    usual = exact or [name for name in others if plain(name) in LABEL_NAMES]
    if len(usual) == 1:
        return usual
    if not table.named and len(others) == 1:
        return others
    words = "more than one column of labels" if usual else "no column label"
    raise UserError(
        f"{table.path} has {words}; say which it is with data.label=COLUMN, and where its values "
        "are not 0 and 1, which of them are label 1: data.positive=[...]. Its columns, of which "
        f"{file} names the images:{table.listed()}"
    )


def label_cells(table: Table, labels: Sequence[str]) -> list[str]:
    """Return the labels; of several columns of 0 and 1, whether any is 1."""
    if len(labels) == 1:
        return [cell.strip() for cell in table.columns[labels[0]]]
    cells = [[canonical(cell) for cell in table.columns[name]] for name in labels]
    for name, column in zip(labels, cells, strict=True):
        if odd := sorted({*column} - {"0", "1", "true", "false", ""}):
            raise UserError(
                f"data.label: of several columns each must hold 0 and 1, but {name} has "
                f"{first_few(odd)}"
            )
    ones = ("1", "true")
    return [str(int(any(cell in ones for cell in row))) for row in zip(*cells, strict=True)]
