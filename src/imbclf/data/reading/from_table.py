"""Tables with a column of file names and one of labels."""

from collections import Counter
from dataclasses import replace
from posixpath import dirname

from imbclf.data.reading.account import Account
from imbclf.data.reading.choose_columns import Columns, choose_columns
from imbclf.data.reading.clean_rows import clean_rows
from imbclf.data.reading.data_folder import DataFolder
from imbclf.data.reading.find_column import find_column
from imbclf.data.reading.found_files import Found
from imbclf.data.reading.from_folders import which_folders
from imbclf.data.reading.identities import folders_are_identities
from imbclf.data.reading.label_values import canonical
from imbclf.data.reading.options import ReadingOptions, as_list
from imbclf.data.reading.rows import Rows
from imbclf.data.reading.table import Table
from imbclf.utils.text import first_few

FEW = 20  # most values of a further column that is kept


def from_table(table: Table, data: DataFolder) -> Rows:
    """Return the images that a table names.

    Raises:
        UserError: its columns cannot be told; the message lists them.
    """
    account = Account(source=table.path.name, notes=[*table.notes])
    options, finder = data.options, data.finder(table.path)
    columns = choose_columns(table, finder, options, account)
    subgroups = _subgroups(table, options, account)
    found = finder.find(columns.files)
    for note in found.notes:
        account.note(note)
    rows = Rows(
        source=table.path,
        root=found.root,
        files=found.files,
        values=columns.labels,
        groups=_groups(found, columns, options, account),
        parts=columns.parts,
        sources=[f"{table.path.name}:{line}" for line in table.lines],
        columns={
            name: [cell.strip() for cell in cells]
            for name, cells in table.columns.items()
            if name in subgroups or (name in columns.others and len(set(cells)) <= FEW)
        },
        subgroups=subgroups,
        names=columns.names,
        seen=frozenset(columns.labels),
        account=account,
        problems=[*columns.problems, *found.problems],
    )
    problems = _blank_cells(rows, columns, table, options)
    folders = [dirname(file) for file in dict.fromkeys(found.files)]
    decided = options.group is not None or rows.groups is not None or columns.problems
    if not decided and folders_are_identities(folders):
        problems.append(which_folders(Counter(folders), f"in {found.root}"))
    rows = replace(rows, problems=[*rows.problems, *problems])
    return clean_rows(rows, found, finder, options)


def _subgroups(table: Table, options: ReadingOptions, account: Account) -> tuple[str, ...]:
    """Return the columns that errors are reported by; they are added to the account."""
    wanted = [find_column(table, "subgroups", name) for name in as_list(options.subgroups)]
    if wanted:
        account.columns["subgroups"] = ", ".join(wanted)
        account.unused_columns = [name for name in account.unused_columns if name not in wanted]
    return tuple(dict.fromkeys(wanted))


def _groups(
    found: Found, columns: Columns, options: ReadingOptions, account: Account
) -> list[str] | None:
    if options.group == "folder":
        account.columns["group"] = "folder"
        return [dirname(file) for file in found.files]
    return columns.groups


def _blank_cells(rows: Rows, columns: Columns, table: Table, options: ReadingOptions) -> list[str]:
    problems = []
    cells = {"file": rows.files, "label": rows.values, "group": columns.groups or []}
    if "" in map(canonical, as_list(options.drop)):
        del cells["label"]
    for name, values in cells.items():
        blank = [f"{line:,}" for line, cell in zip(table.lines, values, strict=False) if not cell]
        if blank:
            advice = "; leave such rows out with \"data.drop=['']\"" if name == "label" else ""
            problems.append(f"there is no {name} on line {first_few(blank)}{advice}")
    return problems
