"""Which columns of a table are the file, the label, the group and the part."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imbclf.data.reading.account import Account
from imbclf.data.reading.column_names import (
    GROUP_NAMES,
    PART_NAMES,
    plain,
)
from imbclf.data.reading.find_column import file_column, find_column, label_cells, label_columns
from imbclf.data.reading.find_files import FileFinder
from imbclf.data.reading.identities import find_identities
from imbclf.data.reading.label_rule import REST
from imbclf.data.reading.options import Column, ReadingOptions, as_list
from imbclf.data.reading.part_columns import is_our_listing, not_parts, part_column, undecided_parts
from imbclf.data.reading.part_names import parts_of, parts_of_flags
from imbclf.data.reading.table import Table
from imbclf.utils.text import first_few


@dataclass(frozen=True, eq=False)
class Columns:
    """The cells of a table by what they mean.

    Attributes:
        files: `[R]`, file names as written.
        labels: `[R]`, labels, stripped.
        names: of label 0 and label 1, where several columns are the label.
        groups: `[R]`, groups, stripped, or None.
        parts: `[R]`, fit, dev, test, a fold number or "", or None.
        others: the further columns.
        problems: columns that the user must use or refuse.
    """

    files: list[str]
    labels: list[str]
    names: tuple[str, str] | None
    groups: list[str] | None
    parts: list[str] | None
    others: Mapping[str, list[str]]
    problems: list[str]


def choose_columns(
    table: Table, finder: FileFinder, options: ReadingOptions, account: Account
) -> Columns:
    """Return the cells by their meaning; what was chosen is added to the account.

    Raises:
        UserError: an option names no column, or the file or the label cannot be told.
    """
    options = options.for_columns(table.columns)
    file = file_column(table, finder, options.file)
    labels = label_columns(table, file, options.label)
    group = _group_column(table, options.group, {file, *labels})
    part = part_column(table, options, {file, *labels, group}, account)
    used = {file, *labels, group, part} - {None}
    others = {name: cells for name, cells in table.columns.items() if name not in used}
    account.columns |= {"file": file, "label": "+".join(labels)}
    account.columns |= {} if group is None else {"group": group}
    account.columns |= {} if part is None else {"part": part}
    account.unused_columns += [name for name in others if not is_our_listing(table)]
    problems, parts = [], None
    if part is not None:
        cells = table.columns[part]
        parts = parts_of_flags(part, cells) or parts_of(cells, as_list(options.test))
        if parts is None:
            problems.append(not_parts(part, table))
    elif options.part is None and not is_our_listing(table):
        problems += undecided_parts(others)
    if options.group is None and not is_our_listing(table):
        first = dict(zip(reversed(table.columns[file]), range(len(table) - 1, -1, -1), strict=True))
        once = {name: [cells[place] for place in first.values()] for name, cells in others.items()}
        cells = label_cells(table, labels)
        problems += _identities(once, [cells[place] for place in first.values()], group, account)
    return Columns(
        files=table.columns[file],
        labels=label_cells(table, labels),
        names=(REST, "+".join(labels)) if len(labels) > 1 else None,
        groups=None if group is None else [cell.strip() for cell in table.columns[group]],
        parts=parts,
        others=others,
        problems=problems,
    )


def _group_column(table: Table, wanted: Column | None, taken: set[str]) -> str | None:
    if wanted in ("none", "folder"):
        return None
    if wanted is not None:
        return find_column(table, "group", wanted)
    found = [name for name in table.columns if plain(name) in GROUP_NAMES and name not in taken]
    if len(found) != 1 or (is_our_listing(table) and not any(table.columns[found[0]])):
        return None
    return found[0]


def _identities(
    others: Mapping[str, list[str]],
    labels: Sequence[str],
    group: str | None,
    account: Account,
) -> list[str]:
    """Return a problem for columns of identities that are not used as groups."""
    candidates = {name: cells for name, cells in others.items() if plain(name) not in PART_NAMES}
    found = find_identities(candidates, labels)
    if not found:
        return []
    if group is not None:
        account.note(
            f"groups are those of {group}; {first_few([one.name for one in found])} repeats over "
            "images, too"
        )
        return []
    fewest = min(found, key=lambda one: one.values)
    listed = ", ".join(f"{one.name} ({one.values:,} on {one.rows:,} rows)" for one in found)
    say = shlex.quote(f"data.group={fewest.name}")
    return [
        f"values repeat over images as those of patients do: {listed}. Images of one must not be "
        f"in both training and test: say {say}, or data.group=none if images are independent"
    ]
