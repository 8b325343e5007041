"""Images in a folder, and a text file whose i-th line is the label of the i-th image."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from posixpath import dirname

from imbclf.data.image_files import images_below
from imbclf.data.reading.account import Account
from imbclf.data.reading.choose_files import choose_files
from imbclf.data.reading.from_folders import which_folders
from imbclf.data.reading.identities import folders_are_identities
from imbclf.data.reading.label_values import dropped
from imbclf.data.reading.options import ReadingOptions, as_list
from imbclf.data.reading.rows import Rows
from imbclf.data.reading.text_file import read_lines
from imbclf.errors import UserError
from imbclf.utils.text import first_few


def from_lines(path: Path, root: Path, options: ReadingOptions) -> Rows:
    """Return the images of a folder, labeled line by line.

    The order of the images is natural (2.png before 10.png) or plain, by `options.order`; where the
    two differ that is noted, since the lines may have been written in the other.

    Raises:
        UserError: there is no such folder, or an option that needs a table was given.
    """
    folders = as_list(options.images) or ["train_img"]
    if len(folders) > 1:
        raise UserError(
            f"{path} labels images line by line; expected one folder in data.images, not "
            f"{len(folders)}"
        )
    options.refuse_columns(f"{path} has no columns, but a label on each line")
    folder = root / folders[0]
    if not folder.is_dir():
        raise UserError(
            f"{path} labels the images in {folder}, which is not a folder; "
            "choose another one with data.images=NAME"
        )
    account = Account(source=path.name)
    files = _in_order(images_below(folder).tolist(), options, account)
    values = read_lines(path)
    problems = _problems(folder, files, values, options)
    sources = [f"{path.name}:{number}" for number in range(1, len(files) + 1)]
    folders_of = [dirname(file) for file in files]
    if options.group is None and folders_are_identities(folders_of):
        problems.append(which_folders(Counter(folders_of), f"in {folder}"))
    rows = Rows(
        path,
        folder,
        files,
        values,
        groups=folders_of if options.group == "folder" else None,
        sources=sources,
        seen=frozenset(values),
        account=account,
        problems=problems,
    )
    if problems:
        return rows
    rows = rows.leave_out(dropped(values, as_list(options.drop)), "label dropped")
    return choose_files(rows, options)


def _in_order(files: list[str], options: ReadingOptions, account: Account) -> list[str]:
    plain = sorted(files)
    if plain == files:
        return files
    chosen, other = (plain, files) if options.order == "plain" else (files, plain)
    place = next(place for place in range(len(files)) if plain[place] != files[place])
    pairs = ", ".join(
        f"line {line + 1} is {chosen[line]}" for line in range(place, min(place + 3, len(files)))
    )
    unused = "natural" if options.order == "plain" else "plain"
    account.note(
        f"lines are matched with images in {options.order} order: {pairs}; in {unused} order line "
        f"{place + 1} would be {other[place]} (data.order={unused})"
    )
    return chosen


def _problems(
    folder: Path, files: Sequence[str], values: Sequence[str], options: ReadingOptions
) -> list[str]:
    problems = []
    blank = [f"{number:,}" for number, value in enumerate(values, 1) if not value]
    if blank and "" not in as_list(options.drop):
        problems.append(f"there is no label on line {first_few(blank)}")
    if len(values) < len(files):
        bare = first_few(files[len(values) :])
        problems.append(
            f"{len(values):,} labels for {len(files):,} images in {folder}; without label: {bare}"
        )
    if len(values) > len(files):
        problems.append(
            f"{len(values):,} labels for {len(files):,} images in {folder}; "
            f"no image for the lines from {len(files) + 1:,} on"
        )
    return problems
