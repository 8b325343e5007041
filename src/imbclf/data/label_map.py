"""Conversion of labels as written to 0 and 1."""

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.utils.text import first_few

ZERO_ONE: Mapping[str, int] = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}


def check_label_map(label_map: object) -> None:
    """Check that the option `data.label_map` is a mapping or None.

    Its labels are checked by `label_problems`.

    Raises:
        UserError: it is neither.
    """
    if label_map is not None and not isinstance(label_map, Mapping):
        raise UserError(
            f"data.label_map={label_map}: expected the label of each spelling, as in "
            "'data.label_map={cat: 0, dog: 1}', or null"
        )


def label_codes(label_map: Mapping[str, int] | None) -> Mapping[str, int]:
    """Return the label of each spelling; without a map, of the spellings of 0 and 1.

    >>> label_codes({"cat": 0, "dog": 1})
    {'cat': 0, 'dog': 1}
    """
    if not label_map:
        return ZERO_ONE
    # YAML reads the key 1 as a number and the key true as a bool.
    spellings = {str(key): label for key, label in label_map.items()}
    for word in {"True", "False"} & spellings.keys():
        spellings |= {word.lower(): spellings[word], word.upper(): spellings[word]}
    return spellings


def label_problems(values: Iterable[str], label_map: Mapping[str, int] | None) -> list[str]:
    """Return the problems that keep `values` from being labels of two classes; often none.

    Empty values are ignored: the caller reports them with their line numbers.
    """
    counts = Counter(value for value in values if value)
    known = label_codes(label_map)
    if odd := {repr(label) for label in known.values() if label not in (0, 1)}:
        return [f"data.label_map: expected the labels 0 and 1, not {', '.join(sorted(odd))}"]
    if not counts:
        return ["there are no labels"]
    if counts.keys() - known.keys():
        found = first_few([f"{value} ({count:,})" for value, count in counts.most_common()])
        expected = ", ".join(known) if label_map else "0 and 1"
        return [
            f"the labels are {found}, but expected {expected}; map them to 0 and 1, for example "
            f"{_option(sorted(counts), known if label_map else {})}"
        ]
    if len(labels := {known[value] for value in counts}) == 1:
        return [f"all {counts.total():,} labels are {labels.pop()}; two classes are needed"]
    return []


def encode_labels(
    values: Sequence[str], label_map: Mapping[str, int] | None
) -> tuple[NDArray[np.int64], tuple[str, str]]:
    """Return labels, int64 `[N]`, and the names of label 0 and label 1.

    Args:
        values: `[N]`, without `label_problems`.
        label_map: label of each spelling; None for 0 and 1.

    >>> encode_labels(["dog", "cat", "wolf"], {"cat": 0, "dog": 1, "wolf": 1})
    (array([1, 0, 1]), ('cat', 'dog'))
    """
    known = label_codes(label_map)
    labels = np.fromiter((known[value] for value in values), dtype=np.int64, count=len(values))
    names = {label: name for name, label in reversed(list(known.items()))}
    return labels, (names[0], names[1])


def _option(values: Sequence[str], chosen: Mapping[str, int]) -> str:
    """Return a `data.label_map` option, escaped for Hydra and quoted for the shell."""
    labels = {value: chosen[value] for value in values if value in chosen}
    for value in values:
        labels.setdefault(value, int(0 in labels.values()))
    escaped = {value: re.sub(r"([][(){}:=,\s\\])", r"\\\1", value) for value in values}
    pairs = [f"{escaped[value]}: {labels[value]}" for value in values]
    more = [] if len(pairs) <= 5 else ["..."]
    return shlex.quote(f"data.label_map={{{', '.join(pairs[:5] + more)}}}")
