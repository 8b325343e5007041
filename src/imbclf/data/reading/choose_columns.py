"""Which columns of a table are the file, the label, the group and the part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imbclf.data.reading.account import Account
from imbclf.data.reading.column_names import (
    FILE_NAMES,
    GROUP_NAMES,
    LABEL_NAMES,
    PART_NAMES,
    plain,
)
from imbclf.data.reading.find_files import FileFinder
from imbclf.data.reading.identities import find_identities
from imbclf.data.reading.label_values import REST, canonical
from imbclf.data.reading.options import Column, ReadingOptions, as_list
from imbclf.data.reading.part_names import parts_of, parts_of_flags
from imbclf.data.reading.table import Table
from imbclf.errors import UserError
from imbclf.utils.text import did_you_mean, first_few

OURS = ["file", "label", "group", "part", "source"]  # of the listing that a run writes


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
    file = file_column(table, finder, options.file)
    labels = _label_columns(table, file, options.label)
    group = _group_column(table, options.group, {file, *labels})
    part = _part_column(table, options, {file, *labels, group}, account)
    used = {file, *labels, group, part} - {None}
    others = {name: cells for name, cells in table.columns.items() if name not in used}
    account.columns |= {"file": file, "label": "+".join(labels)}
    account.columns |= {} if group is None else {"group": group}
    account.columns |= {} if part is None else {"part": part}
    account.unused_columns += [name for name in others if not _is_ours(table)]
    problems, parts = [], None
    if part is not None:
        cells = table.columns[part]
        parts = parts_of_flags(part, cells) or parts_of(cells, as_list(options.test))
        if parts is None:
            problems.append(_no_parts(part, table))
    elif options.part is None and not _is_ours(table):
        problems += _undecided_parts(others)
    if options.group is None and not _is_ours(table):
        first = dict(zip(reversed(table.columns[file]), range(len(table) - 1, -1, -1), strict=True))
        once = {name: [cells[place] for place in first.values()] for name, cells in others.items()}
        cells = _label_cells(table, labels)
        problems += _identities(once, [cells[place] for place in first.values()], group, account)
    return Columns(
        files=table.columns[file],
        labels=_label_cells(table, labels),
        names=(REST, "+".join(labels)) if len(labels) > 1 else None,
        groups=None if group is None else [cell.strip() for cell in table.columns[group]],
        parts=parts,
        others=others,
        problems=problems,
    )


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
    if len(fitting) == 1:
        return fitting[0]
    raise UserError(
        f"{table.path} has {_found_files(fitting)}, in {' or '.join(map(str, finder.bases))}; say "
        f"which it is with data.file=COLUMN. Its columns:"
        f"{table.listed()}"
    )


def _found_files(fitting: Sequence[str]) -> str:
    if fitting:
        return f"more than one column of names of images ({', '.join(fitting)})"
    return "no column file, and no other one holds names of images"


def _label_columns(table: Table, file: str, wanted: Column | Sequence[Column] | None) -> list[str]:
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


def _label_cells(table: Table, labels: Sequence[str]) -> list[str]:
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


def _group_column(table: Table, wanted: Column | None, taken: set[str]) -> str | None:
    if wanted in ("none", "folder"):
        return None
    if wanted is not None:
        return find_column(table, "group", wanted)
    found = [name for name in table.columns if plain(name) in GROUP_NAMES and name not in taken]
    if len(found) != 1 or (_is_ours(table) and not any(table.columns[found[0]])):
        return None
    return found[0]


def _part_column(
    table: Table, options: ReadingOptions, taken: set[str | None], account: Account
) -> str | None:
    if options.part in ("none", "folders"):
        return None
    if options.part is not None:
        return find_column(table, "part", options.part)
    tests = as_list(options.test)
    for name, cells in table.columns.items():
        flags = parts_of_flags(name, cells)
        if name in taken or (plain(name) not in PART_NAMES and flags is None):
            continue
        parts = flags or parts_of(cells, tests)
        found = {part for part in parts or [] if part}
        if len(found) < 2:
            continue
        folds = all(part.isdigit() for part in found)
        if folds and not _is_ours(table) and ("fold" not in plain(name) or len(found) > 20):
            continue
        if not _is_ours(table):
            what = f"the folds 0 to {len(found) - 1}" if folds else "parts"
            account.note(f"column {name} was taken for {what} (data.part=none ignores it)")
        return name
    return None


def _undecided_parts(others: Mapping[str, list[str]]) -> list[str]:
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


def _no_parts(part: str, table: Table) -> str:
    values = [*dict.fromkeys(cell.strip() for cell in table.columns[part])]
    return (
        f"data.part={part}: expected train, val and test, or numbers of folds, in column {part}; "
        f"found {first_few(values)}"
    )


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
    return [
        f"values repeat over images as those of patients do: {listed}. Images of one must not be "
        f"in both training and test: say data.group={fewest.name}, or data.group=none if images "
        "are independent"
    ]


def _is_ours(table: Table) -> bool:
    return [*table.columns][: len(OURS)] == OURS
