"""Files whose names are written otherwise: without a suffix, from another folder."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from posixpath import basename, dirname, splitext

from imbclf.data.reading.folder_entries import FolderEntries
from imbclf.data.reading.found_files import Found
from imbclf.data.reading.image_index import ImageIndex
from imbclf.utils.text import first_few

SAMPLE = 50  # names that a column is judged by


class FileGuesser:
    """Finds files by the same change of all their names: a suffix, a prefix off, other folders.

    Args:
        root: the data folder.
        index: the images below it.
        entries: of folders.
    """

    def __init__(self, root: Path, index: ImageIndex, entries: FolderEntries) -> None:
        self.root, self._index, self._entries = root, index, entries

    def find(self, names: Sequence[str]) -> Found | None:
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
        missing = [not hit for hit in self._entries.hold(files, folder)]
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
