"""Where the files of a table are."""

from dataclasses import dataclass, field
from pathlib import Path


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
