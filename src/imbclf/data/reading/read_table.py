"""Reading of a table of labels in any of the forms in which people have it."""

from pathlib import Path

from imbclf.data.reading.delimited import HEAD, parse_table
from imbclf.data.reading.json_table import read_json, read_json_lines
from imbclf.data.reading.table import Table
from imbclf.data.reading.text_file import read_text
from imbclf.errors import UserError

TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx")


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
        return read_json_lines(path, text, notes)
    if suffix == ".json":
        return read_json(path, text, notes)
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
