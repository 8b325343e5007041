"""The normal form of a data set before its labels are 0 and 1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from imbclf.data.reading.account import Account


@dataclass(frozen=True, eq=False)
class Rows:
    """Images with their labels as written, and the problems found.

    Attributes:
        source: file or folder that the labels come from.
        root: folder that file names are relative to.
        files: `[N]`, POSIX paths.
        values: `[N]`, labels as written; "" if missing.
        groups: `[N]`, names of groups, or None.
        parts: `[N]`, fit, dev, test, a fold number or "", or None.
        sources: `[N]`, where each row comes from, such as labels.csv:17.
        columns: further columns, `[N]` each.
        subgroups: which of them errors are reported by.
        numbered: whether two words may be numbered in the order of their names.
        names: what label 0 and label 1 are called, where the columns say so.
        seen: all labels as written, those of rows left out included.
        account: what was left out and guessed.
        problems: one line for each problem.
    """

    source: Path
    root: Path
    files: Sequence[str]
    values: Sequence[str]
    groups: Sequence[str] | None = None
    parts: Sequence[str] | None = None
    sources: Sequence[str] = ()
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    subgroups: tuple[str, ...] = ()
    numbered: bool = False
    names: tuple[str, str] | None = None
    seen: frozenset[str] = frozenset()
    account: Account = field(default_factory=Account)
    problems: Sequence[str] = ()

    def take(self, kept: Sequence[int]) -> "Rows":
        """Return the rows at these places."""

        def chosen(values: Sequence[str] | None) -> list[str] | None:
            return None if values is None else [values[place] for place in kept]

        return replace(
            self,
            files=chosen(self.files) or [],
            values=chosen(self.values) or [],
            groups=chosen(self.groups),
            parts=chosen(self.parts),
            sources=chosen(self.sources) or [],
            columns={name: chosen(cells) or [] for name, cells in self.columns.items()},
        )

    def leave_out(self, chosen: Sequence[bool], reason: str) -> "Rows":
        """Return the rows without those chosen, which are added to the account."""
        if not any(chosen):
            return self
        for place, out in enumerate(chosen):
            if out:
                self.account.leave_out([self.files[place]], reason, self.values[place])
        return self.take([place for place, out in enumerate(chosen) if not out])
