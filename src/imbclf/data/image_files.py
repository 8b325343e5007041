"""Image files below a folder, in natural order."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from natsort import natsort_keygen, natsorted
from numpy.typing import NDArray

from imbclf.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
SYSTEM_FOLDERS = frozenset({"__MACOSX", "@eaDir", "$RECYCLE.BIN"})  # hold copies and thumbnails


def images_below(root: Path) -> NDArray[np.str_]:
    """Find all images below a folder; hidden and system files are ignored, links are followed.

    Returns:
        [N] POSIX paths relative to `root`, in natural order.

    Raises:
        UserError: there is no image, a folder is missing or cannot be read, or a file name is not
            UTF-8.
    """
    found: dict[str, list[str]] = {}
    pending: list[tuple[str, frozenset[tuple[int, int]]]] = [("", frozenset())]
    try:
        while pending:
            folder, above = pending.pop()
            status = (root / folder).stat()
            if (identity := (status.st_dev, status.st_ino)) in above:
                continue  # a link to one of its own parent folders
            names, folders = _entries(root / folder)
            pending += [(f"{folder}{name}/", above | {identity}) for name in folders]
            if names:
                "".join([folder, *names]).encode()
                found[folder.removesuffix("/")] = names
    except OSError as error:
        raise UserError(f"Cannot read the folder {error.filename}: {error.strerror}") from None
    except UnicodeEncodeError:
        odd = next(file for name in names if not (file := f"{folder}{name}").isprintable())
        raise UserError(f"A file in {root} has a name that is not UTF-8: {odd!a}") from None
    if not found:
        raise UserError(
            f"No images in {root}; expected files there or below with {', '.join(SUFFIXES)}"
        )
    ordered = []
    for folder in _folders_in_order(found):
        inside = np.array(found[folder])
        files = inside[_order(inside)]
        ordered.append(np.strings.add(f"{folder}/", files) if folder else files)
    return np.concatenate(ordered)


def _entries(folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of the images and of the subfolders in a folder."""
    images, folders = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name.startswith(".") or name in SYSTEM_FOLDERS:
                continue
            if entry.is_dir():
                folders.append(name)
            elif is_image(name) and (entry.is_file() or entry.is_symlink()):
                images.append(name)
    return images, folders


def is_image(name: str) -> bool:
    """Return whether a file name has the suffix of an image, upper or lower case."""
    return name.lower().endswith(SUFFIXES)


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
