"""The three layouts of labeled images: text file, table, class folders."""

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname, isabs, normpath, relpath

import numpy as np
from numpy.typing import NDArray

from imbclf.data.image_files import images_below, is_image, natural_order
from imbclf.data.label_files import read_lines, read_table
from imbclf.errors import UserError
from imbclf.utils.text import first_few

logger = logging.getLogger("imbclf")


@dataclass(frozen=True)
class Layout:
    """Images with their labels as written, and the problems found.

    Attributes:
        source: file or folder that the labels come from.
        root: folder that file names are relative to.
        files: `[N]`, POSIX paths in natural order.
        values: `[N]`, labels as written; "" if missing.
        groups: `[N]`, group names, or None.
        label_map: default label of each spelling; None for 0 and 1.
        problems: one line for each problem.
    """

    source: Path
    root: Path
    files: NDArray[np.str_]
    values: list[str]
    groups: list[str] | None = None
    label_map: Mapping[str, int] | None = None
    problems: Sequence[str] = ()


def from_lines(path: Path, folder: Path) -> Layout:
    """Return the layout of a folder whose i-th image has the label on line i of a text file."""
    values = read_lines(path)
    if not folder.is_dir():
        raise UserError(
            f"{path} labels the images in {folder}, which is not a folder; "
            "choose another one with data.images=NAME"
        )
    files = images_below(folder)
    problems = []
    if blank := [f"{number:,}" for number, value in enumerate(values, 1) if not value]:
        problems.append(f"there is no label on line {first_few(blank)}")
    if len(values) < len(files):
        bare = first_few(files[len(values) :].tolist())
        problems.append(
            f"{len(values):,} labels for {len(files):,} images in {folder}; without label: {bare}"
        )
    if len(values) > len(files):
        problems.append(
            f"{len(values):,} labels for {len(files):,} images in {folder}; "
            f"no image for the lines from {len(files) + 1:,} on"
        )
    return Layout(path, folder, files, values, problems=problems)


def from_table(path: Path, *folders: Path) -> Layout:
    """Return the layout of a table with all files in its folder, or all in one of `folders`."""
    table = read_table(path)
    bases = [*dict.fromkeys([path.parent, *folders])]
    files = [_relative(_clean_name(file, bases), path.parent) for file in table.files]
    problems = []
    columns = {"file": files, "label": table.labels, "group": table.groups or []}
    for name, cells in columns.items():
        blank = [f"{line:,}" for line, cell in zip(table.lines, cells, strict=False) if not cell]
        if blank:
            problems.append(f"there is no {name} on line {first_few(blank)}")
    if repeated := [file for file, count in Counter(files).items() if file and count > 1]:
        problems.append(f"{len(repeated):,} files are named twice or more: {first_few(repeated)}")
    searches = [(base, *_find_missing(files, base)) for base in bases]
    root, missing, unlisted = min(searches, key=lambda search: len(search[1]))
    if missing:
        problems += _misplaced(root, {base: missing for base, missing, _ in searches})
    elif unlisted:
        logger.warning("Images that %s does not name are ignored: %d", path, unlisted)
    order = natural_order(files)
    values = [table.labels[index] for index in order]
    groups = None if table.groups is None else [table.groups[index] for index in order]
    return Layout(path, root, np.array(files)[order], values, groups, problems=problems)


def from_class_folders(root: Path) -> Layout:
    """Return the layout of images in class folders, subfolders of `root`."""
    files = images_below(root)
    inside = [file for file in files.tolist() if "/" in file]
    values = [file.partition("/")[0] for file in inside]
    names = sorted(set(values))
    if len(names) < 2:
        raise UserError(
            f"No labels in {root}; expected label_train.txt, a table (.csv, .tsv) with the "
            "columns file and label, or a folder of images for each class"
        )
    if len(inside) < len(files):
        stray = len(files) - len(inside)
        logger.warning("Images in %s itself, in no class folder, are ignored: %d", root, stray)
    numbered = {name: label for label, name in enumerate(names)} if len(names) == 2 else None
    return Layout(root, root, np.array(inside), values, label_map=numbered)


def _clean_name(file: str, bases: Sequence[Path]) -> str:
    """Return a name without surrounding spaces and with slashes, unless it exists as written."""
    usual = file.strip().replace("\\", "/")
    as_written = usual != file and usual and any(os.path.lexists(base / file) for base in bases)
    return file if as_written else usual


def _relative(file: str, folder: Path) -> str:
    """Return the normalized path of a table's file, relative to the folder."""
    if isabs(file):
        return relpath(file, folder.absolute().as_posix())
    return normpath(file) if file else ""


def _misplaced(root: Path, missing: Mapping[Path, Sequence[str]]) -> list[str]:
    """Return one line for files in no folder, and one for files in another folder than `root`.

    Args:
        root: the folder with most of the files.
        missing: the files missing from each folder.
    """
    nowhere = set.intersection(*map(set, missing.values()))
    elsewhere = [file for file in missing[root] if file not in nowhere]
    problems = []
    if nowhere:
        where = f"neither in {' nor in '.join(map(str, missing))}"
        problems.append(f"{len(nowhere):,} files are {where}: {first_few(sorted(nowhere))}")
    if elsewhere:
        others = " or ".join(str(base) for base in missing if {*elsewhere} - {*missing[base]})
        problems.append(
            f"{len(elsewhere):,} files are not in {root}, as the others are, but in {others}; all "
            f"must be below one folder, and named relative to it: {first_few(elsewhere)}"
        )
    return problems


def _find_missing(files: list[str], root: Path) -> tuple[list[str], int]:
    """Return the files missing below `root`, and the number of images there that are not listed."""
    wanted = set(files) - {""}
    present: set[str] = set()
    for folder in {dirname(file) for file in wanted}:
        if (root / folder).is_dir():
            with os.scandir(root / folder) as entries:
                present.update(
                    f"{folder}/{entry.name}" if folder else entry.name for entry in entries
                )
    unlisted = sum(is_image(file) for file in present - wanted)
    return sorted(wanted - present), unlisted
