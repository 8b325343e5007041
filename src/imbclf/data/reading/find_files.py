"""The files that the names in a table mean."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import basename, dirname, isabs, normpath, relpath, splitext

from imbclf.data.image_files import is_image
from imbclf.data.reading.image_index import ImageIndex
from imbclf.errors import UserError
from imbclf.utils.text import first_few

SAMPLE = 50  # names that a column is judged by


@dataclass(eq=False)
class Found:
    """Where the files of a table are.

    Attributes:
        root: folder that all names are relative to.
        files: `[R]`, path of each row relative to the root; of missing files as it would be.
        missing: `[R]`, whether the file is not there.
        notes: what was guessed, one sentence each.
        problems: what is wrong, beside missing files.
    """

    root: Path
    files: list[str]
    missing: list[bool]
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


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
        self._entries: dict[Path, frozenset[str]] = {}
        self._index = ImageIndex(root, self.named)

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
        guessed = self._guessed(cleaned)
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
        hits = {base: self._existing(relative, base) for base in self.bases}
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

    def _existing(self, names: Iterable[str], base: Path) -> list[bool]:
        known: dict[str, frozenset[str]] = {}
        hits = []
        for name in names:
            folder, _, file = name.rpartition("/")
            if folder not in known:
                known[folder] = self._in_folder(base / folder)
            hits.append(file in known[folder])
        return hits

    def _in_folder(self, folder: Path) -> frozenset[str]:
        if folder not in self._entries:
            try:
                with os.scandir(folder) as entries:
                    self._entries[folder] = frozenset(entry.name for entry in entries)
            except OSError:
                self._entries[folder] = frozenset()
        return self._entries[folder]

    def _guessed(self, names: Sequence[str]) -> Found | None:
        """Find all names with the same leading folders off, by their ends; None if that fails."""
        wanted = [name for name in names if name]
        if not wanted or not self._index.images:
            return None
        sample = [*dict.fromkeys(wanted)][:SAMPLE]
        for prefix in _common_prefixes(wanted):
            matches = {name: self._index.ending_in(name[len(prefix) :]) for name in sample}
            if 2 * sum(map(bool, matches.values())) < len(matches):
                continue
            quick = self._as_sampled(names, prefix, matches) if len(wanted) > SAMPLE else None
            if quick is not None:
                return quick
            whole = {name: self._index.ending_in(name[len(prefix) :]) for name in {*wanted}}
            return self._settled(names, prefix, whole)
        return None

    def _as_sampled(
        self, names: Sequence[str], prefix: str, matches: Mapping[str, Sequence[str]]
    ) -> Found | None:
        """Find all names in the folder of the sample, with its suffix; None if some are not there.

        A million names are looked up so in seconds.
        """
        guess = _change(prefix, matches)
        if guess is None:
            return None
        head, suffix = guess
        files = [f"{name[len(prefix) :]}{suffix}" if name else "" for name in names]
        if any(self._index.is_ambiguous(file) for file in files):
            return None
        folder = self.root / head
        missing = [not hit for hit in self._existing(files, folder)]
        if any(gone and name for gone, name in zip(missing, names, strict=True)):
            return None
        return Found(
            folder, files, missing, self._notes(prefix, [suffix] if suffix else [], folder)
        )

    def _notes(self, prefix: str, suffixes: Sequence[str], folders: object) -> list[str]:
        notes = []
        if prefix:
            notes.append(f"names begin with {prefix}, which was taken off (data.strip={prefix})")
        if suffixes:
            how = suffixes[0] if len(suffixes) == 1 else "auto"
            notes.append(
                f"names lack their suffix; {', '.join(suffixes)} was added (data.suffix={how})"
            )
        return [*notes, f"the images were found in {folders}"] if folders else notes

    def _settled(
        self, names: Sequence[str], prefix: str, matches: Mapping[str, Sequence[str]]
    ) -> Found:
        several = {name: found for name, found in matches.items() if len(found) > 1}
        problems = []
        if several:
            name, found = next(iter(several.items()))
            problems.append(
                f"{len(several):,} names mean several files, as {name} does: "
                f"{first_few(found)}; choose their folder with data.images=FOLDER"
            )
        files = [matches[name][0] if name and matches[name] else name for name in names]
        suffixes = Counter(
            splitext(found[0])[1]
            for name, found in matches.items()
            if len(found) == 1 and basename(found[0]).lower() != basename(name).lower()
        )
        folders = self._folders_of(prefix, matches)
        notes = self._notes(prefix, [suffix for suffix, _ in suffixes.most_common()], folders)
        missing = [not (name and matches[name]) for name in names]
        return Found(self.root, files, missing, notes, problems)

    def _folders_of(self, prefix: str, matches: Mapping[str, Sequence[str]]) -> str:
        heads = Counter(
            _head(name[len(prefix) :], found[0])
            for name, found in matches.items()
            if len(found) == 1
        )
        return first_few([str(self.root / head) for head, _ in heads.most_common()], 3)


def _first_distinct(names: Iterable[str]) -> list[str]:
    """Return the first names that differ, as many as a column is judged by."""
    found: dict[str, None] = {}
    for name in names:
        if stripped := name.strip():
            found[stripped] = None
            if len(found) == SAMPLE:
                break
    return [*found]


def _head(end: str, file: str) -> str:
    """Return the folder that a name was found in, without the folders of the name itself."""
    below, head = dirname(end), dirname(file)
    return head[: len(head) - len(below)].rstrip("/") if below else head


def _change(prefix: str, matches: Mapping[str, Sequence[str]]) -> tuple[str, str] | None:
    """Return the one folder that names were found in and the one suffix that they lack, or None."""
    changes = set()
    for name, found in matches.items():
        if len(found) != 1:
            return None
        end = name[len(prefix) :]
        head = _head(end, found[0])
        whole = f"{head}/{end}" if head else end
        if not found[0].startswith(whole):
            return None
        changes.add((head, found[0][len(whole) :]))
    return changes.pop() if len(changes) == 1 else None


def _relative(file: str, folder: Path) -> str:
    """Return the normalized path of a file, relative to a folder."""
    if isabs(file):
        return relpath(file, folder.absolute().as_posix())
    return normpath(file) if "./" in file or "//" in file else file


def _common_prefixes(names: Sequence[str]) -> list[str]:
    """Return the leading folders that all names share, from none to all: "", "a/", "a/b/".

    >>> _common_prefixes(["a/b/1.png", "a/b/2.png", "a/b/c/3.png"])
    ['', 'a/', 'a/b/']
    """
    folders = dirname(min(names)).split("/") if "/" in min(names) else []
    last = dirname(max(names)).split("/") if "/" in max(names) else []
    prefixes = [""]
    for one, other in zip(folders, last, strict=False):
        if one != other:
            break
        prefixes.append(f"{prefixes[-1]}{one}/")
    return prefixes
