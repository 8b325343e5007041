"""What was read of a data set, what was left out and why, and what was guessed."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from posixpath import splitext
from typing import Any, NamedTuple

SHOWN = 3  # names that a line of the account shows


class LeftOut(NamedTuple):
    """An image that takes no part.

    Attributes:
        file: its name.
        reason: why, in a few words: `missing`, `mask`, `not an image`, ...
        label: its label as written, "" if unknown.
    """

    file: str
    reason: str
    label: str = ""


@dataclass(eq=False)
class Account:
    """What became of the files and columns of a data set.

    Attributes:
        source: the table or the folder that the labels come from.
        columns: column used for each role (file, label, group, part).
        unused_columns: columns that were not used.
        notes: what was guessed or decided, one sentence each.
        left_out: the images that take no part.
        requested: all names asked for, in their order, where images are to be labeled.
        folder: the data folder.
    """

    source: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    unused_columns: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)
    folder: str = ""

    def note(self, sentence: str) -> None:
        """Add a sentence, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def leave_out(self, files: Iterable[str], reason: str, label: str = "") -> None:
        """Add images that take no part."""
        self.left_out += [LeftOut(file, reason, label) for file in files]

    def to_json(self) -> dict[str, Any]:
        """Return the account as JSON: images left out are counted by reason, suffix and class."""
        rows = [
            {"reason": reason, "suffix": suffix, "class": label, "count": len(files)}
            | {"first": files[:SHOWN]}
            for (reason, suffix, label), files in sorted(self._grouped().items())
        ]
        return {
            "source": self.source,
            "columns": self.columns,
            "unused_columns": self.unused_columns,
            "notes": self.notes,
            "left_out": rows,
        }

    def lines(self) -> list[str]:
        r"""Return the account in a few lines for a terminal.

        >>> account = Account("labels.csv", {"file": "image"}, ["age"])
        >>> account.leave_out(["a_mask.png", "b_mask.png"], "mask")
        >>> print(*account.lines(), sep="\n")
        labels   from labels.csv (file: image), not used: age
        left out 2: mask (a_mask.png, b_mask.png)
        """
        used = ", ".join(f"{role}: {column}" for role, column in self.columns.items())
        first = f"labels   from {self.source}" + (f" ({used})" if used else "")
        if self.unused_columns:
            more = ", ..." if len(self.unused_columns) > 10 else ""
            first += f", not used: {', '.join(self.unused_columns[:10])}{more}"
        lines = [first] if self.source else []
        counts = Counter(one.reason for one in self.left_out)
        for reason, count in counts.most_common():
            names = [one.file for one in self.left_out if one.reason == reason]
            more = ", ..." if count > SHOWN else ""
            lines.append(f"left out {count:,}: {reason} ({', '.join(names[:SHOWN])}{more})")
        return lines + self.notes

    def _grouped(self) -> dict[tuple[str, str, str], list[str]]:
        grouped = defaultdict(list)
        for file, reason, label in self.left_out:
            grouped[reason, splitext(file)[1].lower(), label].append(file)
        return grouped
