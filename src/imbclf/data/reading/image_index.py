"""All images below a data folder, by their names."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from posixpath import splitext

from imbclf.data.image_files import images_below
from imbclf.errors import UserError


class ImageIndex:
    """The images below a folder, or below some folders in it, looked up by name when needed.

    Args:
        root: the data folder; paths are relative to it.
        folders: the folders to look in; none for all of it.
    """

    def __init__(self, root: Path, folders: Sequence[Path] = ()) -> None:
        self.root, self.named = root, folders

    def is_ambiguous(self, name: str) -> bool:
        """Return whether several images have the last name of a path."""
        return len(self.images.get(name.rpartition("/")[2].lower(), ())) > 1

    def ending_in(self, end: str) -> list[str]:
        """Return the images whose path ends so, with or without a suffix of theirs."""
        last = end.rpartition("/")[2].lower()
        same_name = self.images.get(last, [])
        found = [file for file in same_name if _ends_in(file, end)]
        if not found:
            same_stem = self.stems.get(last, [])
            found = [file for file in same_stem if _ends_in(splitext(file)[0], end)]
        exact = [file for file in found if file.endswith(end)]
        return exact or found

    @cached_property
    def images(self) -> dict[str, list[str]]:
        """Paths by their last name, in lower case."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for base in self.named or [self.root]:
            if base.is_dir():
                head = base.relative_to(self.root).as_posix()
                for file in _images_in(base):
                    path = file if head == "." else f"{head}/{file}"
                    found[path.rpartition("/")[2].lower()].append(path)
        return found

    @cached_property
    def stems(self) -> dict[str, list[str]]:
        """Paths by their last name without suffix, in lower case."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for name, files in self.images.items():
            found[splitext(name)[0]] += files
        return found


def _images_in(base: Path) -> list[str]:
    try:
        return [*map(str, images_below(base).tolist())]
    except UserError:
        return []


def _ends_in(file: str, end: str) -> bool:
    file, end = file.lower(), end.lower()
    return file == end or file.endswith(f"/{end}")
