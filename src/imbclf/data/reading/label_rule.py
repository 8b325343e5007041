"""The rule that turns labels as written into 0 and 1."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from imbclf.data.reading.label_values import (
    BLANKS,
    canonical,
    is_positive,
    list_option,
    spellings,
)
from imbclf.errors import UserError
from imbclf.utils.text import first_few

ZERO_ONE: Mapping[str, int] = {"0": 0, "1": 1, "false": 0, "true": 1}
REST = "rest"


def check_label_map(label_map: object) -> None:
    """Check that the option `data.label_map` is a mapping or None.

    Raises:
        UserError: it is neither.
    """
    if label_map is not None and not isinstance(label_map, Mapping):
        raise UserError(
            f"data.label_map={label_map}: expected the label of each spelling, as in "
            "'data.label_map={cat: 0, dog: 1}', or null"
        )
    for label in (label_map or {}).values():
        if isinstance(label, bool) or label not in (0, 1):
            raise UserError(f"data.label_map: expected the labels 0 and 1, not {label!r}")


class Labels:
    """The rule that turns values into labels 0 and 1, and what these are called.

    Args:
        values: the values as written that occur, none of them blank.
        positive: values that are label 1, or none.
        label_map: label of each value, or None.
        names: what label 0 and label 1 are called, or None.
        numbered: whether two words may be numbered in the order of their names (class folders).
        seen: further values, of rows that take no part.
        drop: values whose rows were left out; one that is misspelled is a problem.
        as_in_training: whether the rule is that of an earlier data set, all but one of whose
            positive values may be missing.

    Attributes:
        problems: what keeps the values from being two classes; often none.
        names: what label 0 and label 1 are called.
    """

    def __init__(
        self,
        values: Sequence[str],
        positive: Sequence[str] = (),
        label_map: Mapping[str, int] | None = None,
        names: Sequence[str] | None = None,
        numbered: bool = False,
        seen: Iterable[str] = (),
        drop: Sequence[str] = (),
        as_in_training: bool = False,
    ) -> None:
        self.counts = Counter(values)
        self.spelling = spellings(values)
        self.seen = frozenset(seen)
        self.problems: list[str] = []
        self.as_in_training = as_in_training
        if not as_in_training:
            written = [one for one in drop if canonical(one) not in {"", *BLANKS}]
            self._check_occur("drop", written)
        self.codes = self._codes(positive, label_map, numbered)
        self.names = ("0", "1") if names is None else (str(names[0]), str(names[1]))
        if names is None and not self.problems:
            self.names = self._names(positive, label_map)
        if not self.problems:
            self._check_two_classes()
            self._check_not_swapped()

    def encode(self, values: Sequence[str]) -> NDArray[np.int64]:
        """Return the labels, int64 `[N]`, of values that occurred."""
        return np.fromiter((self.codes[value] for value in values), np.int64, count=len(values))

    def _codes(
        self, positive: Sequence[str], label_map: Mapping[str, int] | None, numbered: bool
    ) -> dict[str, int]:
        if positive:
            return self._by_positive(frozenset(map(canonical, positive)), positive)
        if label_map:
            known: Mapping[str, int] = {canonical(key): code for key, code in label_map.items()}
        elif numbered and len(self.spelling) == 2 and not self.spelling.keys() <= ZERO_ONE.keys():
            ordered = sorted(self.spelling, key=self.spelling.__getitem__)
            known = {key: code for code, key in enumerate(ordered)}
        else:
            known = ZERO_ONE
        if not self.counts:
            self.problems.append("there are no labels")
        elif unknown := [key for key in self.spelling if key not in known]:
            self.problems.append(self._unknown(unknown, label_map))
        return {value: known.get(canonical(value), 0) for value in self.counts}

    def _by_positive(self, wanted: frozenset[str], positive: Sequence[str]) -> dict[str, int]:
        self._check_occur("positive", positive)
        return {value: int(is_positive(value, wanted)) for value in self.counts}

    def _check_occur(self, option: str, named: Sequence[str]) -> None:
        """Add a problem if an option names values that no label has."""
        found: set[str] = set()
        for value in self.seen | self.counts.keys():
            found |= {canonical(part) for part in (value, *re.split(r"[|;]", value))}
        absent = [value for value in named if canonical(value) not in found]
        if absent and not (self.as_in_training and len(absent) < len(named)):
            self.problems.append(
                f"data.{option}: no label is {', '.join(absent)}; the labels are {self._listed()}"
            )

    def _names(
        self, positive: Sequence[str], label_map: Mapping[str, int] | None
    ) -> tuple[str, str]:
        if not positive and not label_map and self.spelling.keys() <= ZERO_ONE.keys():
            return "0", "1"
        of_class: list[list[str]] = [[], []]
        for key, name in self.spelling.items():
            code = next(self.codes[value] for value in self.counts if canonical(value) == key)
            of_class[code].append(name)
        if positive:
            ones = "+".join(self.spelling.get(canonical(value), value) for value in positive)
            return (of_class[0][0] if len(of_class[0]) == 1 else REST), ones
        if label_map:
            order = [canonical(key) for key in label_map]
            for names in of_class:
                names.sort(key=lambda name: order.index(canonical(name)))
        return "+".join(of_class[0]) or "0", "+".join(of_class[1]) or "1"

    def _check_two_classes(self) -> None:
        totals = [0, 0]
        for value, count in self.counts.items():
            totals[self.codes[value]] += count
        if not min(totals):
            label = int(totals[1] > 0)
            self.problems.append(f"all {sum(totals):,} labels are {label}; two classes are needed")

    def _check_not_swapped(self) -> None:
        """Add a problem if a class is called as a value of the other is written."""
        for value in self.counts:
            other = self.names[1 - self.codes[value]]
            if canonical(value) == canonical(other) and self.names != ("0", "1"):
                swapped = list_option("names", reversed(self.names))
                self.problems.append(
                    f"data.names: {value.strip()} is label {self.codes[value]}, and the first "
                    f"name is that of label 0, the second that of label 1: {swapped}"
                )
                return

    def _unknown(self, unknown: Sequence[str], label_map: Mapping[str, int] | None) -> str:
        """Return what is wrong with the values, and which option mends it; no label is guessed."""
        if label_map:
            names = ", ".join(repr(self.spelling[key]) for key in unknown[:5])
            return f"data.label_map does not name {names}; the labels are {self._listed()}"
        found = f"the labels are {self._listed()}, but expected 0 and 1"
        blank_like = [self.spelling[key] for key in self.spelling if key in BLANKS]
        if blank_like and len(self.spelling) - len(blank_like) == 2:
            return f"{found}; leave rows out with {list_option('drop', blank_like)}"
        if self.spelling.keys() == {"-1", "1"}:
            return f"{found}; say which is label 1, for example {list_option('positive', ['1'])}"
        if len(self.spelling) == 2:
            rarer = list_option("positive", [[*self.spelling.values()][-1]])
            return f"{found}; say which is label 1, for example {rarer}"
        return f"{found}; name those that are label 1, all others being 0: data.positive=[...]"

    def _listed(self) -> str:
        totals: Counter[str] = Counter()
        for value, count in self.counts.items():
            totals[canonical(value)] += count
        return first_few([f"{self.spelling[key]} ({n:,})" for key, n in totals.most_common()], 12)
