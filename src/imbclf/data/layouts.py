"""The three ways in which people lay out images and their labels."""

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
    """Images with their labels as written, and what is wrong with them.

    Attributes:
        source: where the labels come from.
        root: the folder that the names are relative to.
        files: [N] POSIX paths in natural order.
        values: the label of each image, as the user spells it; "" where it is missing.
        groups: the group of each image, or None.
        label_map: what the values mean unless the user says otherwise; None: 0 and 1.
        problems: what keeps the images from being used, one line each.
    """

    source: Path
    root: Path
    files: NDArray[np.str_]
    values: list[str]
    groups: list[str] | None = None
    label_map: Mapping[str, int] | None = None
    problems: Sequence[str] = ()


def from_lines(path: Path, folder: Path) -> Layout:
    """Label the i-th image of the folder by line i of a text file."""
    values = read_lines(path)
    if not folder.is_dir():
        raise UserError(
            f"{path} labels the images in {folder}, which is no folder; "
            "data.images=NAME names another"
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
    """Read files and labels from a table; all files lie beside it, or all in one of `folders`."""
    table = read_table(path)
    bases = [*dict.fromkeys([path.parent, *folders])]
    files = [_relative(_meant(file, bases), path.parent) for file in table.files]
    problems = []
    columns = {"file": files, "label": table.labels, "group": table.groups or []}
    for name, cells in columns.items():
        blank = [f"{line:,}" for line, cell in zip(table.lines, cells, strict=False) if not cell]
        if blank:
            problems.append(f"there is no {name} on line {first_few(blank)}")
    if repeated := [file for file, count in Counter(files).items() if file and count > 1]:
        problems.append(f"{len(repeated):,} files are named twice or more: {first_few(repeated)}")
    searches = [(base, *_search(files, base)) for base in bases]
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
    """Label each image by the sub-folder of `root` that it lies in."""
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


def _meant(file: str, bases: Sequence[Path]) -> str:
    """Take off spaces around a name, and turn backslashes, unless there is a file just so."""
    usual = file.strip().replace("\\", "/")
    as_written = usual != file and usual and any(os.path.lexists(base / file) for base in bases)
    return file if as_written else usual


def _relative(file: str, folder: Path) -> str:
    """Write a path from a table relative to the folder, with one spelling for one file."""
    if isabs(file):
        return relpath(file, folder.absolute().as_posix())
    return normpath(file) if file else ""


def _misplaced(root: Path, missing: Mapping[Path, Sequence[str]]) -> list[str]:
    """Return which files are in no folder, and which are in another than `root`, where most are.

    Args:
        root: one of the folders.
        missing: the files that each folder lacks.
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
            f"must lie below one folder, and be named from there: {first_few(elsewhere)}"
        )
    return problems


def _search(files: list[str], root: Path) -> tuple[list[str], int]:
    """Find which files are missing below `root`, and how many images lie beside them unnamed."""
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
