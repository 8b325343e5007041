"""Listing of images, with labels, groups and parts if known."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imbclf.data.image_files import images_below
from imbclf.data.reading.account import Account


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
        columns: `[N]` each, further columns of the table: those of few values, and subgroups.
        subgroups: names of the columns by whose values errors are reported.
        sources: `[N]`, where each label comes from, such as labels.csv:17, or None.
        account: what was left out and guessed when the images were listed.
    """

    root: Path
    files: NDArray[np.str_]
    labels: NDArray[np.int64] | None = None
    groups: NDArray[np.str_] | None = None
    label_names: tuple[str, str] = ("0", "1")
    parts: NDArray[np.str_] | None = None
    columns: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    subgroups: tuple[str, ...] = ()
    sources: NDArray[np.str_] | None = None
    account: Account = field(default_factory=Account)

    def __len__(self) -> int:
        return len(self.files)

    @property
    def known_labels(self) -> NDArray[np.int64]:
        """The labels, int64 `[N]`, of images that have to have some."""
        assert self.labels is not None
        return self.labels

    def take(self, indices: ArrayLike) -> "Listing":
        """Return the listing of the images at `indices`, integers `[M]`.

        >>> listing = Listing(Path("photos"), np.array(["a.jpg", "b.jpg"]), np.array([0, 1]))
        >>> listing.take([1]).files.tolist()
        ['b.jpg']
        """
        places = np.asarray(indices, dtype=np.int64)
        return replace(
            self,
            files=self.files[places],
            labels=None if self.labels is None else self.labels[places],
            groups=None if self.groups is None else self.groups[places],
            parts=None if self.parts is None else self.parts[places],
            columns={name: cells[places] for name, cells in self.columns.items()},
            sources=None if self.sources is None else self.sources[places],
        )


def list_images(root: Path) -> Listing:
    """List all images below a folder, without labels; hidden and system files are ignored.

    Raises:
        UserError: the folder is missing, cannot be read, or holds no image.
    """
    return Listing(root, images_below(root))
