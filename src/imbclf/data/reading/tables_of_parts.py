"""Several tables, each of which is a part: train, val and test."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from imbclf.data.reading.account import Account
from imbclf.data.reading.choose_columns import choose_columns
from imbclf.data.reading.clean_rows import NOT_NAMED
from imbclf.data.reading.data_folder import DataFolder
from imbclf.data.reading.from_table import from_table
from imbclf.data.reading.options import as_list
from imbclf.data.reading.part_names import NAME_OF_TABLE, part_of_folder
from imbclf.data.reading.read_table import read_head, read_table
from imbclf.data.reading.rows import Rows
from imbclf.errors import UserError


def are_parts(paths: Sequence[Path], data: DataFolder) -> bool:
    """Return whether tables are called like parts and each has labels."""
    if any(_part_of_file(path, data) is None for path in paths):
        return False
    try:
        for path in paths:
            choose_columns(read_head(path), data.finder(path), data.options, Account())
    except UserError:
        return False
    return True


def _part_of_file(path: Path, data: DataFolder) -> str | None:
    """Return the part that a table, or its folder if all have one name, is called like."""
    tests = as_list(data.options.test)
    above = path.parent.name if path.parent != data.root else ""
    return part_of_folder(path.stem, tests) or (part_of_folder(above, tests) if above else None)


def from_tables_of_parts(paths: Sequence[Path], data: DataFolder) -> Rows:
    """Return the rows of several tables, each of which is called like a part, or lies so.

    Raises:
        UserError: one is not, and they are not to be pooled.
    """
    parts = [_part_of_file(path, data) for path in paths]
    if None in parts and data.options.part != "none":
        raise UserError(
            f"data.labels={[path.name for path in paths]}: expected files called like parts "
            "(train, val, test), or data.part=none to pool them"
        )
    rows = [_in_root(_from_table_of_part(path, data), data.root) for path in paths]
    whole, account = rows[0], _joint_account(paths, rows)
    columns = [name for name in whole.columns if all(name in one.columns for one in rows)]
    groups = [group for one in rows for group in one.groups or []]
    found_parts = [part or "" for one, part in zip(rows, parts, strict=True) for _ in one.files]
    if data.options.part != "none":
        account.columns["part"] = NAME_OF_TABLE
    return replace(
        whole,
        source=data.root,
        files=[file for one in rows for file in one.files],
        values=[value for one in rows for value in one.values],
        groups=groups if all(one.groups is not None for one in rows) else None,
        parts=None if data.options.part == "none" else found_parts,
        sources=[source for one in rows for source in one.sources],
        columns={name: [cell for one in rows for cell in one.columns[name]] for name in columns},
        seen=frozenset[str]().union(*(one.seen for one in rows)),
        account=account,
        problems=[problem for one in rows for problem in one.problems],
    )


def _joint_account(paths: Sequence[Path], rows: Sequence[Rows]) -> Account:
    """Return the account of all tables; a file that one of them names is none that is left out."""
    account = Account(source=", ".join(path.name for path in paths))
    for one in rows:
        account.columns |= one.account.columns
        account.left_out += one.account.left_out
        account.unused_columns += [
            name for name in one.account.unused_columns if name not in account.unused_columns
        ]
        for note in one.account.notes:
            if not note.startswith(NOT_NAMED):
                account.note(note)
    named = {file for one in rows for file in one.files}
    account.left_out = [
        out for out in account.left_out if out.reason != "not named" or out.file not in named
    ]
    return account


def _from_table_of_part(path: Path, data: DataFolder) -> Rows:
    """Return the rows of a table whose images may lie in the folder of its name."""
    if data.options.images is None and (data.root / path.stem).is_dir():
        data = data.with_images(path.stem)
    return from_table(read_table(path), data)


def _in_root(rows: Rows, root: Path) -> Rows:
    """Return rows whose files are relative to the data folder."""
    if rows.root == root:
        return rows
    head = rows.root.absolute().relative_to(root.absolute()).as_posix()
    return replace(rows, root=root, files=[f"{head}/{file}" for file in rows.files])
