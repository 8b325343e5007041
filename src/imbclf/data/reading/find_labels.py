"""Where the labels of a data folder are."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from imbclf.data.reading.data_folder import DataFolder
from imbclf.data.reading.delimited import looks_like_data
from imbclf.data.reading.from_folders import NO_LABELS, from_folders
from imbclf.data.reading.from_lines import from_lines
from imbclf.data.reading.from_table import from_table
from imbclf.data.reading.options import ReadingOptions, as_list
from imbclf.data.reading.read_table import TABLE_SUFFIXES, read_head, read_table
from imbclf.data.reading.rows import Rows
from imbclf.data.reading.table import Table, without_header
from imbclf.data.reading.tables_of_parts import are_parts, from_tables_of_parts
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
    check_folder(root)
    data = DataFolder(root, options)
    named = as_list(options.labels)
    if named == ["folders"]:
        return from_folders(root, options)
    if named:
        paths = [_label_file(root, name) for name in named]
        return _from_file(paths[0], data) if len(paths) == 1 else from_tables_of_parts(paths, data)
    if (root / LABEL_FILE).exists():
        return _from_file(root / LABEL_FILE, data)
    return _search(data)


def check_folder(root: Path) -> None:
    """Refuse what is no folder.

    Raises:
        UserError: the message says how a table is named, and what to do with an archive.
    """
    if root.is_file() and root.suffix.lower() in TABLE_SUFFIXES:
        raise UserError(
            f"{root} is a table; name its folder, and the table in it: "
            f"data.dir={shlex.quote(str(root.parent))} data.labels={shlex.quote(root.name)}"
        )
    if root.is_file():
        raise UserError(f"{root} is a file; data.dir must name a folder (unpack an archive first)")
    if not root.is_dir():
        raise UserError(f"There is no folder {root}; data.dir must name the folder of the images")


def _search(data: DataFolder) -> Rows:
    tables = sorted(path for path in data.root.iterdir() if _may_be_table(path))
    if not tables:
        below = sorted(path for path in data.root.glob("*/*") if path.suffix.lower() in BELOW)
        tables = below if len(below) <= MOST_BELOW else []
    fitting = [path for path in tables if _names_images(path, data)]
    if fitting and (len(fitting) == 1 or are_parts(fitting, data)):
        several = len(fitting) > 1
        rows = from_tables_of_parts(fitting, data) if several else _from_file(fitting[0], data)
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


def _label_file(root: Path, name: str) -> Path:
    """Return a file named by `data.labels`, in the data folder or from where the user stands."""
    for path in (root / name, Path(name).expanduser()):
        if path.exists():
            return path
    return root / name


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
