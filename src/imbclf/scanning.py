"""The image files below a folder, in natural order."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from natsort import natsort_keygen
from numpy.typing import NDArray

from imbclf.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
SYSTEM_FOLDERS = frozenset({"__MACOSX", "@eaDir", "$RECYCLE.BIN"})  # hold copies and thumbnails


def images_below(root: Path) -> NDArray[np.str_]:
    """Find every image below a folder; hidden and system files are ignored, links are followed.

    Returns:
        [N] POSIX paths relative to `root`, in natural order.

    Raises:
        UserError: there is no image, the folder or one below it is missing or cannot be read,
            or a file name is not UTF-8.
    """
    files: list[str] = []
    pending: list[tuple[str, frozenset[tuple[int, int]]]] = [("", frozenset())]
    try:
        while pending:
            folder, above = pending.pop()
            status = (root / folder).stat()
            if (identity := (status.st_dev, status.st_ino)) in above:
                continue  # a link back to a folder that it lies in
            with os.scandir(root / folder) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or entry.name in SYSTEM_FOLDERS:
                        continue
                    if entry.is_dir():
                        pending.append((f"{folder}{entry.name}/", above | {identity}))
                    elif is_image(entry.name) and (entry.is_file() or entry.is_symlink()):
                        files.append(f"{folder}{entry.name}")
        "".join(files).encode()
    except OSError as error:
        raise UserError(f"Cannot read the folder {error.filename}: {error.strerror}") from None
    except UnicodeEncodeError:
        odd = next(file for file in files if not file.isprintable())
        raise UserError(f"A file in {root} has a name that is not UTF-8: {odd!a}") from None
    if not files:
        raise UserError(f"No images in {root}; looked there and below for {', '.join(SUFFIXES)}")
    return np.array(files)[natural_order(files)]


def is_image(name: str) -> bool:
    """Say whether a file name has the suffix of an image, in any case."""
    return name.lower().endswith(SUFFIXES)


def natural_order(files: Sequence[str]) -> NDArray[np.int64]:
    """Give the indices that sort paths folder by folder, numbers by their value.

    >>> files = ["b/1.jpg", "a/10.jpg", "a/2.jpg"]
    >>> [files[index] for index in natural_order(files)]
    ['a/2.jpg', 'a/10.jpg', 'b/1.jpg']
    """
    folders: dict[str, list[int]] = {}
    for index, file in enumerate(files):
        folders.setdefault(file.rpartition("/")[0], []).append(index)
    ordered = [np.zeros(0, dtype=np.int64)]
    natural_key = natsort_keygen()
    for folder in sorted(sorted(folders), key=natural_key):
        names = np.array([files[index] for index in folders[folder]])
        order = np.argsort(names, kind="stable")  # settles what natural order holds equal: 1, 01
        if not _zero_padded(names):
            keys = [natural_key(name) for name in names.tolist()]
            order = np.array(sorted(order.tolist(), key=keys.__getitem__))
        ordered.append(np.array(folders[folder])[order])
    return np.concatenate(ordered)


def _zero_padded(names: NDArray[np.str_]) -> bool:
    """Say whether all digits stand in the same places, so that plain order is natural order."""
    characters = names.view(np.uint32).reshape(len(names), -1)
    digits = (characters >= ord("0")) & (characters <= ord("9"))
    return bool((characters < 128).all() and (digits == digits[0]).all())
