"""Images to label: a folder, a file, a pattern, a list of names or a table."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from imbclf.data.image_files import images_below, natural_order
from imbclf.data.listing import Listing
from imbclf.data.reading.account import Account
from imbclf.data.reading.find_column import file_column
from imbclf.data.reading.find_files import FileFinder
from imbclf.data.reading.options import Column, as_list
from imbclf.data.reading.patterns import matches
from imbclf.data.reading.read_table import TABLE_SUFFIXES, read_table
from imbclf.data.reading.text_file import read_lines
from imbclf.errors import UserError
from imbclf.utils.text import first_few


@dataclass(frozen=True)
class ImageOptions:
    """The options of `data` that say which images to label; see `ReadingOptions`."""

    images: str | Sequence[str] | None = None
    labels: str | None = None
    file: Column | None = None
    suffix: str | None = None
    strip: str | None = None
    missing: Literal["error", "skip"] = "error"
    include: str | Sequence[str] | None = None
    exclude: str | Sequence[str] | None = None


def list_unlabelled(source: str, options: ImageOptions) -> Listing:
    """List images to label; the names of a list or a table keep their order.

    Args:
        source: a folder (natural order), an image, a pattern such as `in/*.png`, or a file that
            names images: a name a line, or a table.
        options: which of them, and where a list in a folder is (`labels`).

    Returns:
        The images that are there. The account has all that were asked for, and why some are left
        out.

    Raises:
        UserError: there is no image, or one that was named is missing.
    """
    path = Path(source).expanduser()
    if options.labels is not None:
        inside = path / options.labels
        table = inside if inside.exists() else Path(options.labels).expanduser()
        return _listed(table, path, options)
    if path.is_dir():
        return _below(path, options)
    if path.is_file():
        is_list = path.suffix.lower() in TABLE_SUFFIXES
        return _listed(path, path.parent, options) if is_list else _files([path.name], path.parent)
    if glob.has_magic(source):
        return _matching(source)
    raise UserError(
        f"There is no folder or file {source}; data.dir must name a folder of images, an image, a "
        "pattern such as 'in/*.png', or a list or table of names"
    )


def _below(root: Path, options: ImageOptions) -> Listing:
    listing = Listing(root, images_below(root), account=Account(source=str(root)))
    files = listing.files.tolist()
    excluded = matches(files, as_list(options.exclude))
    included = matches(files, as_list(options.include))
    kept = [
        place
        for place in range(len(files))
        if not excluded[place] and (options.include is None or included[place])
    ]
    if not kept:
        raise UserError(f"data.include, data.exclude: none of the images in {root} is left")
    listing = listing.take(kept)
    listing.account.requested = listing.files.tolist()
    return listing


def _matching(pattern: str) -> Listing:
    """Return the files that match a pattern, named from the last folder without a wildcard."""
    parts = Path(pattern).expanduser().parts
    fixed = next(place for place, part in enumerate(parts) if glob.has_magic(part))
    root = Path(*parts[:fixed])
    below = str(Path(*parts[fixed:]))
    paths = (path for path in root.glob(below) if path.is_file())
    names = sorted(path.relative_to(root).as_posix() for path in paths)
    if not names:
        raise UserError(f"data.dir={pattern}: no file matches")
    return _files([names[place] for place in natural_order(names)], root)


def _files(names: list[str], root: Path) -> Listing:
    account = Account(source=str(root), requested=names)
    return Listing(root, np.array(names), account=account)


def _listed(table: Path, root: Path, options: ImageOptions) -> Listing:
    account = Account(source=table.name)
    finder = FileFinder(table, root, as_list(options.images), options.suffix, options.strip)
    names = _names(table, finder, options, account)
    found = finder.find(names)
    for note in found.notes:
        account.note(note)
    if found.problems:
        raise UserError("\n  ".join([f"{table} cannot be used:", *found.problems]))
    account.requested = [file or name for file, name in zip(found.files, names, strict=True)]
    missing = [file for file, gone in zip(account.requested, found.missing, strict=True) if gone]
    if missing and (options.missing == "error" or len(missing) == len(names)):
        remedy = (
            f"name the folder that they are in with data.dir=FOLDER data.labels={table}"
            if len(missing) == len(names)
            else "label the others with data.missing=skip"
        )
        raise UserError(
            f"{table}: {len(missing):,} of {len(names):,} files are not in {finder.where}: "
            f"{first_few(missing)}; {remedy}"
        )
    account.leave_out(missing, "missing")
    there = [file for file, gone in zip(found.files, found.missing, strict=True) if not gone]
    return Listing(found.root, np.array(there), account=account)


def _names(table: Path, finder: FileFinder, options: ImageOptions, account: Account) -> list[str]:
    """Return the names in a list, one a line, or in the column of a table."""
    if table.suffix.lower() in (".txt", "") and options.file is None:
        names = [name for name in read_lines(table) if name]
        if finder.any_exists(names):
            return names
    read = read_table(table)
    for note in read.notes:
        account.note(note)
    column = file_column(read, finder, options.file)
    account.columns["file"] = column
    return read.columns[column]
