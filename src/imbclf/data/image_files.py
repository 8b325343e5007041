"""Image files below a folder, in natural order."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from posixpath import splitext
from typing import NamedTuple

import numpy as np
from natsort import natsort_keygen, natsorted
from numpy.typing import NDArray

from imbclf.data.image_content import DECODABLE_SUFFIXES, looks_like_image
from imbclf.errors import UserError

# Files that lie about in data folders and hold no images: they are not looked into.
# fmt: off
OTHER_SUFFIXES = frozenset((
    ".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".xml", ".yaml", ".yml", ".toml",
    ".ini", ".cfg", ".md", ".rst", ".html", ".htm", ".log", ".db", ".py", ".ipynb", ".sh",
    ".bat", ".r", ".m", ".doc", ".docx", ".xls", ".xlsx", ".ods", ".pdf", ".parquet", ".arff",
    ".lnk", ".url",
))
# fmt: on
SYSTEM_FOLDERS = frozenset({"__MACOSX", "@eaDir", "$RECYCLE.BIN"})  # hold copies and thumbnails
SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini"})


class Scan(NamedTuple):
    """The files below a folder.

    Attributes:
        images: `[N]` POSIX paths relative to the folder, in natural order.
        others: paths of the files that are no images by their suffix or content.
    """

    images: NDArray[np.str_]
    others: list[str]


def images_below(root: Path) -> NDArray[np.str_]:
    """Find all images below a folder; hidden and system files are ignored, links are followed.

    Returns:
        [N] POSIX paths relative to `root`, in natural order.

    Raises:
        UserError: there is no image, a folder is missing or cannot be read, or a file name is not
            UTF-8.
    """
    images = scan(root).images
    if not len(images):
        raise UserError(
            f"No images in {root}; expected files there or below with "
            f"{', '.join(DECODABLE_SUFFIXES)}"
        )
    return images


def scan(root: Path) -> Scan:
    """Find all files below a folder; hidden and system files are ignored, links are followed.

    Raises:
        UserError: a folder is missing or cannot be read, or a file name is not UTF-8.
    """
    found: dict[str, list[str]] = {}
    others: list[str] = []
    pending: list[tuple[str, frozenset[tuple[int, int]]]] = [("", frozenset())]
    try:
        while pending:
            folder, above = pending.pop()
            status = (root / folder).stat()
            if (identity := (status.st_dev, status.st_ino)) in above:
                continue  # a link to one of its own parent folders
            names, rest, folders = _entries(root / folder)
            pending += [(f"{folder}{name}/", above | {identity}) for name in folders]
            others += [f"{folder}{name}" for name in rest]
            if names:
                "".join([folder, *names]).encode()
                found[folder.removesuffix("/")] = names
    except OSError as error:
        raise UserError(f"Cannot read the folder {error.filename}: {error.strerror}") from None
    except UnicodeEncodeError:
        odd = next(file for name in names if not (file := f"{folder}{name}").isprintable())
        raise UserError(f"A file in {root} has a name that is not UTF-8: {odd!a}") from None
    ordered = []
    for folder in _folders_in_order(found):
        inside = np.array(found[folder])
        files = inside[_order(inside)]
        ordered.append(np.strings.add(f"{folder}/", files) if folder else files)
    return Scan(np.concatenate(ordered) if ordered else np.zeros(0, np.str_), sorted(others))


def _entries(folder: Path) -> tuple[list[str], list[str], list[str]]:
    """Return the names of the images, of other files, and of the subfolders in a folder."""
    images: list[str] = []
    others: list[str] = []
    folders: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name.startswith(".") or name in SYSTEM_FOLDERS or name.lower() in SYSTEM_FILES:
                continue
            if entry.is_dir():
                folders.append(name)
            elif entry.is_file() or entry.is_symlink():
                holds_image = is_image(name) or _is_image_inside(entry.path)
                (images if holds_image else others).append(name)
    return images, others, folders


def is_image(name: str) -> bool:
    """Return whether a file name has the suffix of an image, upper or lower case."""
    return name.lower().endswith(DECODABLE_SUFFIXES)


def _is_image_inside(path: str) -> bool:
    return splitext(path)[1].lower() not in OTHER_SUFFIXES and looks_like_image(Path(path))


def natural_order(files: Sequence[str]) -> NDArray[np.int64]:
    """Return the indices, int64 `[N]`, that sort paths folder by folder in natural order.

    Natural order compares numbers by value.

    >>> files = ["b/1.jpg", "a/10.jpg", "a/2.jpg"]
    >>> [files[index] for index in natural_order(files)]
    ['a/2.jpg', 'a/10.jpg', 'b/1.jpg']
    """
    folders: dict[str, list[int]] = {}
    for index, file in enumerate(files):
        folders.setdefault(file.rpartition("/")[0], []).append(index)
    ordered = [np.zeros(0, dtype=np.int64)]
    for folder in _folders_in_order(folders):
        indices = np.array(folders[folder])
        ordered.append(indices[_order(np.array([files[index] for index in folders[folder]]))])
    return np.concatenate(ordered)


def _folders_in_order(folders: Iterable[str]) -> list[str]:
    # Sorted first, so that names equal in natural order (1, 01) have a defined order.
    return natsorted(sorted(folders))


def _order(names: NDArray[np.str_]) -> NDArray[np.int64]:
    """Return the indices that sort the names of one folder."""
    order = np.argsort(names, kind="stable")  # defines the order of 1 and 01, as above
    if _zero_padded(names):
        return order
    natural_key = natsort_keygen()
    keys = [natural_key(name) for name in names.tolist()]
    return np.array(sorted(order.tolist(), key=keys.__getitem__))


def _zero_padded(names: NDArray[np.str_]) -> bool:
    """Return whether all names have digits at the same places: plain order is natural order."""
    characters = names.view(np.uint32).reshape(len(names), -1)
    digits = (characters >= ord("0")) & (characters <= ord("9"))
    return bool((characters < 128).all() and (digits == digits[0]).all())
