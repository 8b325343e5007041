"""The YAML files of a command, found where Hydra finds them."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from imbclf.cli.help.comments import bases, first_comment, option_comments, package_of


class YamlFiles:
    """YAML files in several folders, of which the first that holds a file counts.

    Args:
        folders: our own, and those of the user.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = list(folders)

    def text(self, name: str) -> str:
        """Return the text of a file, by its name without suffix (`loss/focal`); "" if none."""
        for folder in self._folders:
            file = folder / f"{name}.yaml"
            if file.is_file():
                return file.read_text(encoding="utf-8")
        return ""

    def description(self, name: str) -> str:
        """Return what a file says that it is, in one line."""
        return first_comment(self.text(name))

    def comments(self, name: str) -> dict[str, str]:
        """Return the comments of a file's options, and of those of the files that it builds on."""
        text = self.text(name)
        folder = name.rpartition("/")[0]
        found: dict[str, str] = {}
        for base in bases(text):
            found |= self.comments(f"{folder}/{base}" if folder else base)
        return found | {key: said for key, said in option_comments(text).items() if said}


def comments_of(
    files: YamlFiles, primary: str, choices: Mapping[str, str | None]
) -> dict[str, str]:
    """Return the comment of each option of a composed configuration, by its dotted name.

    Args:
        files: that it was composed of.
        primary: name of the command's own file.
        choices: of each group, whose name may hold its package (`data@data`).
    """
    found: dict[str, str] = {}
    for group, choice in choices.items():
        folder, _, package = group.partition("@")
        package = package or package_of(files.text(f"{folder}/{choice}")) or ""
        if choice is None or folder.startswith("hydra"):
            continue
        prefix = "" if package == "_global_" else f"{package or folder}."
        found |= {
            f"{prefix}{key}": said for key, said in files.comments(f"{folder}/{choice}").items()
        }
    return found | files.comments(primary)
