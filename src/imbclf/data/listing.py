"""Listing of images, with labels and groups if known."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imbclf.data.image_files import images_below
from imbclf.data.label_map import encode_labels, label_problems
from imbclf.data.layouts import Layout, from_class_folders, from_lines, from_table
from imbclf.errors import UserError
from imbclf.utils.text import first_few

LABEL_FILE = "label_train.txt"


@dataclass(frozen=True, eq=False)
class Listing:
    """Images by name, with their labels if known.

    Attributes:
        root: folder that file names are relative to.
        files: `[N]`, POSIX paths in natural order.
        labels: int64 `[N]`, 0 or 1, or None.
        groups: `[N]`, names of groups (patients, identities) not to be split by folds, or None.
        label_names: the user's names of label 0 and label 1.
        parts: `[N]`, how the user divided the images: `fit`, `dev`, `test`, the number of a fold
            (`0`, `1`, ...) or "" for either; None if they are not divided.
    """

    root: Path
    files: NDArray[np.str_]
    labels: NDArray[np.int64] | None = None
    groups: NDArray[np.str_] | None = None
    label_names: tuple[str, str] = ("0", "1")
    parts: NDArray[np.str_] | None = None

    def __len__(self) -> int:
        return len(self.files)

    def take(self, indices: ArrayLike) -> "Listing":
        """Return the listing of the images at `indices`, integers `[M]`.

        >>> listing = Listing(Path("photos"), np.array(["a.jpg", "b.jpg"]), np.array([0, 1]))
        >>> listing.take([1]).files.tolist()
        ['b.jpg']
        """
        places = np.asarray(indices, dtype=np.int64)
        labels = None if self.labels is None else self.labels[places]
        groups = None if self.groups is None else self.groups[places]
        parts = None if self.parts is None else self.parts[places]
        return Listing(self.root, self.files[places], labels, groups, self.label_names, parts)


def list_images(root: Path) -> Listing:
    """List all images below a folder, without labels; hidden and system files are ignored.

    Raises:
        UserError: the folder is missing, cannot be read, or holds no image.
    """
    return Listing(root, images_below(root))


def list_labelled(
    root: Path,
    images: str = "train_img",
    labels: str | None = None,
    label_map: Mapping[str, int] | None = None,
) -> Listing:
    """List labeled images in one of three layouts.

    1. A folder `images` and a text file, line i the label of the i-th image in natural order.
    2. A table with the columns `file`, `label` and optionally `group`; all files relative to one
       folder: that of the table, else `images` or `root`.
    3. One subfolder for each class.

    Args:
        root: folder of the data set.
        images: subfolder of the images in layouts 1 and 2.
        labels: text file (.txt) or table (.csv, .tsv), relative to `root`; None looks for
            label_train.txt, else for a single table, else for class folders.
        label_map: label 0 or 1 of each spelling; without it, labels are written 0 and 1, and two
            class folders are numbered in the order of their names.

    Raises:
        UserError: the layout is ambiguous, or names, labels and images do not match; the message
            lists all problems.
    """
    layout = _find_layout(root, images, labels)
    label_map = label_map or layout.label_map
    if problems := [*layout.problems, *label_problems(layout.values, label_map)]:
        raise UserError("\n  ".join([f"{layout.source} cannot be used:", *problems]))
    codes, names = encode_labels(layout.values, label_map)
    groups = None if layout.groups is None else np.array(layout.groups)
    return Listing(layout.root, layout.files, codes, groups, names)


def _find_layout(root: Path, images: str, labels: str | None) -> Layout:
    if not root.is_dir():
        raise UserError(f"There is no folder {root}; data.dir must name the folder of the images")
    path = root / labels if labels else _find_labels(root)
    if path is None:
        if (root / images).is_dir():
            raise UserError(
                f"No labels for the images in {root / images}; expected {root / LABEL_FILE} with "
                "one label a line, or a table (.csv, .tsv) with the columns file and label"
            )
        return from_class_folders(root)
    if path.suffix.lower() == ".txt":
        return from_lines(path, root / images)
    if path.suffix.lower() in (".csv", ".tsv"):
        return from_table(path, root / images, root)
    raise UserError(f"data.labels={labels}: expected a .txt, .csv or .tsv file")


def _find_labels(root: Path) -> Path | None:
    if (root / LABEL_FILE).exists():
        return root / LABEL_FILE
    tables = sorted(path for path in root.iterdir() if path.suffix.lower() in (".csv", ".tsv"))
    if len(tables) > 1:
        names = first_few([path.name for path in tables])
        raise UserError(f"{root} holds several tables: {names}; choose one with data.labels=NAME")
    return tables[0] if tables else None
