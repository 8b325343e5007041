"""Where the labels of a data folder are."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from imbclf.data.reading.account import Account
from imbclf.data.reading.choose_columns import choose_columns
from imbclf.data.reading.data_folder import DataFolder
from imbclf.data.reading.from_folders import NO_LABELS, from_folders
from imbclf.data.reading.from_lines import from_lines
from imbclf.data.reading.from_table import NOT_NAMED, from_table
from imbclf.data.reading.options import ReadingOptions, as_list
from imbclf.data.reading.part_names import part_of_folder
from imbclf.data.reading.rows import Rows
from imbclf.data.reading.table import (
    TABLE_SUFFIXES,
    Table,
    looks_like_data,
    read_head,
    read_table,
    without_header,
)
from imbclf.data.reading.text_file import read_lines
from imbclf.errors import UserError
from imbclf.utils.text import first_few

LABEL_FILE = "label_train.txt"
# Tables in a subfolder, as Hugging Face's metadata.csv in train/ or Roboflow's _classes.csv.
BELOW, MOST_BELOW = (".csv", ".tsv", ".jsonl", ".parquet"), 20


def find_rows(root: Path, options: ReadingOptions) -> Rows:
    """Return the images of a data folder with their labels as written.

    Without `options.labels`, these are those of label_train.txt, else of the table that names
    images, else of tables called train, val and test, else of class folders.

    Raises:
        UserError: the labels cannot be told; the message says how to choose.
    """
    if not root.is_dir():
        raise UserError(f"There is no folder {root}; data.dir must name the folder of the images")
    data = DataFolder(root, options)
    named = as_list(options.labels)
    if named == ["folders"]:
        return from_folders(root, options)
    if named:
        return _from_files([_label_file(root, name) for name in named], data)
    if (root / LABEL_FILE).exists():
        return _from_file(root / LABEL_FILE, data)
    return _search(data)


def _search(data: DataFolder) -> Rows:
    tables = sorted(path for path in data.root.iterdir() if _may_be_table(path))
    if not tables:
        below = sorted(path for path in data.root.glob("*/*") if path.suffix.lower() in BELOW)
        tables = below if len(below) <= MOST_BELOW else []
    fitting = [path for path in tables if _names_images(path, data)]
    if fitting and (len(fitting) == 1 or _are_parts(fitting, data)):
        rows = _from_files(fitting, data)
        for path in tables:
            if path not in fitting:
                rows.account.note(f"{path.name} names no images here, and was not read")
        return rows
    if len(fitting) > 1:
        names = [path.relative_to(data.root).as_posix() for path in fitting]
        raise UserError(
            f"{data.root} holds several tables: {first_few(names)}; choose one with "
            "data.labels=NAME, or, if each is a part, their column of labels with data.label=COLUMN"
        )
    folders = [path for path in data.root.iterdir() if path.is_dir() and path.name != "train_img"]
    if len(folders) > 1 or not tables:
        return _from_folders_or_explain(data, tables)
    if len(tables) > 1:
        names = [path.name for path in tables]
        raise UserError(
            f"{data.root} holds several tables: {first_few(names)}; choose one with "
            "data.labels=NAME"
        )
    return _from_file(tables[0], data)


def _from_folders_or_explain(data: DataFolder, tables: Sequence[Path]) -> Rows:
    images = data.root / (as_list(data.options.images) or ["train_img"])[0]
    if images.is_dir() and images != data.root and not tables:
        texts = sorted(path.name for path in data.root.glob("*.txt"))
        advice = f"; if {texts[0]} is that, say data.labels={texts[0]}" if texts else ""
        raise UserError(
            f"No labels for the images in {images}; expected {data.root / LABEL_FILE} with one "
            f"label a line, or a table (.csv, .tsv, ...) with the columns file and label{advice}"
        )
    try:
        rows = from_folders(data.root, data.options)
    except UserError as error:
        if len(tables) != 1:
            raise
        try:
            return _from_file(tables[0], data)
        except UserError:
            raise error from None
    for path in tables:
        rows.account.note(
            f"{path.name} names no images here; labels are those of the class folders "
            f"(data.labels={path.name} takes it, data.labels=folders says so)"
        )
    return rows


def _may_be_table(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix not in TABLE_SUFFIXES or path.name.startswith((".", "~$")) or not path.is_file():
        return False
    return suffix != ".txt" or _is_table_of_words(path)


def _is_table_of_words(path: Path) -> bool:
    """Return whether the lines of a text file name images, rather than be a label each."""
    try:
        lines = read_lines(path)[:3]
    except UserError:
        return False
    cells = [line.replace(",", " ").replace(";", " ").replace("\t", " ").split() for line in lines]
    is_name = [any(looks_like_data(cell) and not _is_number(cell) for cell in row) for row in cells]
    return len(cells[-1]) > 1 and any(is_name)


def _is_number(cell: str) -> bool:
    return cell.replace(".", "", 1).replace("-", "", 1).isdigit()


def _names_images(path: Path, data: DataFolder) -> bool:
    try:
        table = read_head(path)
        finder = data.finder(path)
    except UserError:
        return False
    if data.options.file is not None:
        return str(data.options.file) in table.columns
    return any(finder.any_exists(cells) for cells in table.columns.values())


def _are_parts(paths: Sequence[Path], data: DataFolder) -> bool:
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


def _label_file(root: Path, name: str) -> Path:
    """Return a file named by `data.labels`, in the data folder or from where the user stands."""
    for path in (root / name, Path(name).expanduser()):
        if path.exists():
            return path
    return root / name


def _from_files(paths: Sequence[Path], data: DataFolder) -> Rows:
    """Return the rows of one file, or of several that are a part each."""
    if len(paths) == 1:
        return _from_file(paths[0], data)
    parts = [_part_of_file(path, data) for path in paths]
    if None in parts and data.options.part != "none":
        raise UserError(
            f"data.labels={[path.name for path in paths]}: expected files called like parts "
            "(train, val, test), or data.part=none to pool them"
        )
    rows = [_in_root(_from_table_of_part(path, data), data.root) for path in paths]
    whole = rows[0]
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
    columns = [name for name in whole.columns if all(name in one.columns for one in rows)]
    groups = [group for one in rows for group in one.groups or []]
    found_parts = [part or "" for one, part in zip(rows, parts, strict=True) for _ in one.files]
    if data.options.part != "none":
        account.columns["part"] = "name of the table"
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


def _from_file(path: Path, data: DataFolder) -> Rows:
    suffix = path.suffix.lower()
    if suffix in (".txt", "") and not (suffix == ".txt" and _is_table(path, data.options)):
        return from_lines(path, data.root, data.options)
    if suffix in TABLE_SUFFIXES:
        return from_table(_read(path, data), data)
    raise UserError(
        f"data.labels={path.name}: expected a file with one of the suffixes "
        f"{', '.join(TABLE_SUFFIXES)}; {NO_LABELS}"
    )


def _read(path: Path, data: DataFolder) -> Table:
    """Read a table, whose first row is no header if it names an image as the rows below do."""
    table = read_table(path)
    if not table.named or path.suffix.lower() not in (".csv", ".tsv", ".txt"):
        return table
    finder = data.finder(path)
    for name, cells in table.columns.items():
        as_written = finder.any_exists(cells, as_written=True)
        if (as_written or finder.any_exists(cells)) and finder.any_exists([name], as_written):
            return without_header(table)
    return table


def _is_table(path: Path, options: ReadingOptions) -> bool:
    given = options.file is not None or options.label is not None
    return given or (path.is_file() and _is_table_of_words(path))
