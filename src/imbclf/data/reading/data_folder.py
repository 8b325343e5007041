"""A data folder that is being read."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from imbclf.data.reading.find_files import FileFinder
from imbclf.data.reading.options import ReadingOptions, as_list


@dataclass(frozen=True, eq=False)
class DataFolder:
    """A data folder, how it is to be read, and what was looked up in it.

    Attributes:
        root: the folder.
        options: how it is read.
    """

    root: Path
    options: ReadingOptions
    _finders: dict[Path, FileFinder] = field(default_factory=dict)

    def finder(self, table: Path) -> FileFinder:
        """Return the finder of a table's files, always the same one: it remembers folders."""
        if table not in self._finders:
            images, options = as_list(self.options.images), self.options
            finder = FileFinder(table, self.root, images, options.suffix, options.strip)
            self._finders[table] = finder
        return self._finders[table]

    def with_images(self, folder: str) -> "DataFolder":
        """Return the data folder with its images in a folder."""
        return DataFolder(self.root, replace(self.options, images=folder))
