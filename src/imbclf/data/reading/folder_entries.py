"""Whether many names exist, at one look into each folder."""

import os
from collections.abc import Iterable
from pathlib import Path


class FolderEntries:
    """What lies in folders, each of which is listed once.

    >>> FolderEntries().hold(["no such file"], Path("."))
    [False]
    """

    def __init__(self) -> None:
        self._entries: dict[Path, frozenset[str]] = {}

    def hold(self, names: Iterable[str], base: Path) -> list[bool]:
        """Return which names, relative to a folder, exist."""
        known: dict[str, frozenset[str]] = {}
        hits = []
        for name in names:
            folder, _, file = name.rpartition("/")
            if folder not in known:
                known[folder] = self._in(base / folder)
            hits.append(file in known[folder])
        return hits

    def _in(self, folder: Path) -> frozenset[str]:
        if folder not in self._entries:
            try:
                with os.scandir(folder) as entries:
                    self._entries[folder] = frozenset(entry.name for entry in entries)
            except OSError:
                self._entries[folder] = frozenset()
        return self._entries[folder]
