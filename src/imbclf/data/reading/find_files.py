"""The files that the names in a table mean."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from posixpath import isabs, normpath, relpath

from imbclf.data.image_files import is_image
from imbclf.data.reading.folder_entries import FolderEntries
from imbclf.data.reading.found_files import Found
from imbclf.data.reading.guess_files import SAMPLE, FileGuesser
from imbclf.data.reading.image_index import ImageIndex
from imbclf.errors import UserError
from imbclf.utils.text import first_few


class FileFinder:
    """Finds the files that names mean, below some folders.

    A name is tried as it is written in each folder. If none of the names exists so, the same change
    is looked for that makes all of them exist: a suffix, a prefix taken off, other folders.

    Args:
        table: the table that names the files.
        root: the data folder.
        folders: folders of images below it that the user named.
        suffix: added to names, `auto`, or None.
        strip: prefix taken off names, `auto`, or None.
    """

    def __init__(
        self,
        table: Path,
        root: Path,
        folders: Sequence[str] = (),
        suffix: str | None = None,
        strip: str | None = None,
    ) -> None:
        self.root = root
        self.named = [root / folder for folder in folders]
        for folder in self.named:
            if not folder.is_dir():
                raise UserError(f"data.images: there is no folder {folder}")
        usual = [] if folders else [root / "train_img"]
        self.bases = [*dict.fromkeys([table.parent, *self.named, *usual, root])]
        self.table, self.suffix, self.strip = table, suffix, strip
        self._entries = FolderEntries()
        self._guesser = FileGuesser(root, ImageIndex(root, self.named), self._entries)

    @property
    def where(self) -> str:
        """Return in words where files are looked for: the folders that there are."""
        return " or ".join(str(base) for base in self.bases if base.is_dir())

    def any_exists(self, names: Sequence[str], as_written: bool = False) -> bool:
        """Return whether most of a sample of names mean files, or are such as they are written."""
        sample = _first_distinct(names)
        if not sample or all(len(name) > 1000 for name in sample):
            return False
        direct = self._direct([self._cleaned(name) for name in sample])
        found = direct if as_written or not all(direct.missing) else self.find(sample)
        return 2 * sum(not missing for missing in found.missing) >= len(sample)

    def find(self, names: Sequence[str]) -> Found:
        """Return the files of the names, and what was guessed."""
        cleaned = [self._cleaned(name) for name in names]
        direct = self._direct(cleaned)
        if not direct.problems and not all(direct.missing):
            return direct
        guessed = self._guesser.find(cleaned)
        return guessed or direct

    def _cleaned(self, name: str) -> str:
        """Return a name with slashes, its prefix off and its suffix on, unless it exists as is."""
        usual = name.strip().replace("\\", "/")
        if usual != name and usual and any(os.path.lexists(base / name) for base in self.bases):
            return name
        if self.strip not in (None, "auto"):
            usual = usual.removeprefix(str(self.strip).replace("\\", "/")).lstrip("/")
        if self.suffix not in (None, "auto") and usual and not self._has_suffix(usual):
            usual += str(self.suffix)
        return usual

    def _has_suffix(self, name: str) -> bool:
        return is_image(name) or name.lower().endswith(str(self.suffix).lower())

    def _direct(self, names: Sequence[str]) -> Found:
        """Find names below the one folder that has most of them, or each below its own."""
        parent = self.table.parent
        relative = [_relative(name, parent) for name in names]
        hits = {base: self._entries.hold(relative, base) for base in self.bases}
        best = max(self.bases, key=lambda base: sum(hits[base]))
        elsewhere = any(any(hits[base]) for base in self.bases if base != best)
        whole = all(hit or not name for hit, name in zip(hits[best], relative, strict=True))
        if not elsewhere or (whole and best not in self.named):
            return Found(best, relative, [not hit for hit in hits[best]])
        files, missing = [], []
        several: list[str] = []
        for row, name in enumerate(relative):
            holders = [base for base in self.bases if hits[base][row]]
            if len({base / name for base in holders if base in self.named}) > 1:
                several.append(name)
            base = holders[0] if holders else best
            files.append(_relative((base / name).absolute().as_posix(), self.root) if name else "")
            missing.append(not holders)
        problems = []
        if several:
            problems.append(
                f"{len(several):,} files are in more than one folder of data.images: "
                f"{first_few(several)}; name each with its folder"
            )
        return Found(self.root, files, missing, problems=problems)


def _first_distinct(names: Iterable[str]) -> list[str]:
    """Return the first names that differ, as many as a column is judged by."""
    found: dict[str, None] = {}
    for name in names:
        if stripped := name.strip():
            found[stripped] = None
            if len(found) == SAMPLE:
                break
    return [*found]


def _relative(file: str, folder: Path) -> str:
    """Return the normalized path of a file, relative to a folder."""
    if isabs(file):
        return relpath(file, folder.absolute().as_posix())
    return normpath(file) if "./" in file or "//" in file else file
