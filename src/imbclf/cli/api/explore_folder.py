"""`imbclf.explore`: a labeled folder looked at before any training."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import pandas as pd

from imbclf.data.dataset import LabelledFolder
from imbclf.data.exploration.explore import explore as explore_images
from imbclf.data.exploration.facts import facts
from imbclf.data.exploration.findings import findings
from imbclf.data.exploration.near_duplicates import LIKENESS
from imbclf.data.exploration.result import Exploration
from imbclf.errors import UserError
from imbclf.reporting.write_exploration import duplicate_pairs, write_exploration
from imbclf.utils.text import did_you_mean


@dataclass(frozen=True)
class FolderExploration:
    """What was found in a folder.

    Attributes:
        found: the exploration in full.
        seed: of the sample images on the page.
        page: the page that was written, if one was.
    """

    found: Exploration
    seed: int
    page: Path | None = None

    @cached_property
    def findings(self) -> list[str]:
        """What was found, in sentences."""
        return findings(self.found)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What was found, in numbers: the contents of `explore.json`."""
        return facts(self.found)

    @cached_property
    def duplicates(self) -> pd.DataFrame:
        """A row for each pair of duplicates or look-alikes, with labels and likeness."""
        return pd.DataFrame(duplicate_pairs(self.found))

    def __repr__(self) -> str:
        """Return the findings, one a line."""
        return "\n".join(self.findings)


def explore(
    data: LabelledFolder | str | PathLike[str] | Mapping[str, Any],
    *,
    test_dir: str | PathLike[str] | None = None,
    folds: int = 5,
    seed: int = 0,
    groups: bool = False,
    likeness: float = LIKENESS,
    out: str | PathLike[str] | None = None,
) -> FolderExploration:
    """Look at a labeled folder: counts, formats, colors, duplicates and what they do to folds.

    Args:
        data: the folder, options of the group `data` (`{"dir": "cells", "label": "parasitized",
            "group": "patient_id"}`), or a `LabelledFolder`.
        test_dir: a folder of images that should not occur among those of `data`.
        folds: number of folds that duplicates are tried on.
        seed: of these folds and of the sample images.
        groups: whether to group duplicates, so that folds can keep them together.
        likeness: least likeness of near duplicates, 0 to 1: the correlation of two images without
            what the images of the folder have in common; 0 lists all that resemble each other.
        out: folder for `explore.html`, `explore.json`, `near_duplicates.csv` and `groups.csv`;
            None writes nothing.

    Raises:
        UserError: an option of the data is unknown, there are no labeled images, or `likeness` is
            out of range.
    """
    folder = data if isinstance(data, LabelledFolder) else _folder_of(data)
    other = None if test_dir is None else Path(test_dir)
    found = explore_images(folder, other, folds, seed, groups, likeness)
    if out is None:
        return FolderExploration(found, seed)
    write_exploration(found, Path(out), seed, groups)
    return FolderExploration(found, seed, Path(out) / "explore.html")


def _folder_of(data: str | PathLike[str] | Mapping[str, Any]) -> LabelledFolder:
    options = data if isinstance(data, Mapping) else {"dir": fspath(data)}
    known = [field.name for field in fields(LabelledFolder)]
    for name in options:
        if name not in known:
            raise UserError(f"unknown option data.{name}{did_you_mean(name, known)}")
    if "dir" not in options:
        raise UserError('data: name the folder, {"dir": FOLDER, ...}')
    return LabelledFolder(**{"on_corrupt": "skip", **options})
