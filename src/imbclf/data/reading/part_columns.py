"""Columns that divide the images into parts."""

from collections.abc import Mapping

from imbclf.data.reading.account import Account
from imbclf.data.reading.column_names import PART_NAMES, plain
from imbclf.data.reading.find_column import find_column
from imbclf.data.reading.options import ReadingOptions, as_list
from imbclf.data.reading.part_names import names_parts, parts_of, parts_of_flags
from imbclf.data.reading.table import Table
from imbclf.utils.text import first_few


def part_column(
    table: Table, options: ReadingOptions, taken: set[str | None], account: Account
) -> str | None:
    """Return the column that divides the images into parts, or None; a guess is noted.

    Raises:
        UserError: the option names no column.
    """
    if options.part in ("none", "folders"):
        return None
    if options.part is not None:
        return find_column(table, "part", options.part)
    tests = as_list(options.test)
    for name, cells in table.columns.items():
        flags = parts_of_flags(name, cells)
        called_so = plain(name) in PART_NAMES or flags is not None
        if name in taken or not (called_so or names_parts(cells)):
            continue
        parts = flags or parts_of(cells, tests)
        found = {part for part in parts or [] if part}
        if len(found) < 2:
            continue
        folds = all(part.isdigit() for part in found)
        if folds and not is_our_listing(table) and ("fold" not in plain(name) or len(found) > 20):
            continue
        if not is_our_listing(table):
            what = f"the folds 0 to {len(found) - 1}" if folds else "parts"
            account.note(f"column {name} was taken for {what} (data.part=none ignores it)")
        return name
    return None


def undecided_parts(others: Mapping[str, list[str]]) -> list[str]:
    """Return a problem for each column that is called like a division, but has other values."""
    problems = []
    for name, cells in others.items():
        values = sorted({cell.strip() for cell in cells} - {""})
        named = plain(name) in PART_NAMES and 2 <= len(values) <= 20
        if named and (all(value.isdigit() for value in values) or "split" in plain(name)):
            problems.append(
                f"column {name} is called like a division into parts, and holds "
                f"{first_few(values)}: data.part={name} takes numbers for folds, "
                f"data.test=[{values[-1]}] names its test part, data.part=none ignores it"
            )
    return problems


def not_parts(part: str, table: Table) -> str:
    """Return what is wrong with a column that was named as that of the parts."""
    values = [*dict.fromkeys(cell.strip() for cell in table.columns[part])]
    return (
        f"data.part={part}: expected train, val and test, or numbers of folds, in column {part}; "
        f"found {first_few(values)}"
    )


def is_our_listing(table: Table) -> bool:
    """Return whether a table is a `listing.csv` that a run wrote."""
    return [*table.columns][: len(OURS)] == OURS


OURS = ["file", "label", "group", "part", "source"]  # of the listing that a run writes
