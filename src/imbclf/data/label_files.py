"""Label files and tables, and the conversion of labels to 0 and 1."""

import csv
import io
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.utils.text import first_few

ZERO_ONE: Mapping[str, int] = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}


@dataclass(frozen=True)
class Table:
    """The rows of a label table, in the order of the file.

    Attributes:
        files: `[R]`, file names as written, with surrounding spaces.
        labels: `[R]`, stripped.
        groups: `[R]`, stripped; None without such a column.
        lines: `[R]`, line number of each row.
    """

    files: list[str]
    labels: list[str]
    groups: list[str] | None
    lines: list[int]


def read_text(path: Path) -> str:
    """Read a UTF-8 text file, with or without byte order mark; line ends are not converted.

    Raises:
        UserError: `path` is missing, a folder, unreadable, empty or not UTF-8 text.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; expected a text file of labels") from None
    except OSError as error:
        raise UserError(f"Cannot read the labels in {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        problem = f"byte {error.start} is not UTF-8"
        raise UserError(f"{path} is not a text file: {problem}; save it as UTF-8") from None
    if "\0" in text:
        raise UserError(f"{path} is not a text file: it holds zero bytes; save it as UTF-8")
    if not text.strip():
        raise UserError(f"{path} is empty; expected labels")
    return text


def read_lines(path: Path) -> list[str]:
    """Read one label per line; blank lines give "", except at the end of the file.

    Raises:
        UserError: as `read_text`.
    """
    # Not str.splitlines, which also splits at form feeds and the like.
    text = read_text(path).rstrip().replace("\r\n", "\n").replace("\r", "\n")
    return [line.strip() for line in text.split("\n")]


def read_table(path: Path) -> Table:
    """Read a table with the columns `file`, `label` and optionally `group`.

    Columns may be in any order, separated by commas, semicolons or tabs; other columns and empty
    lines are ignored. Missing cells are "".

    Raises:
        UserError: the file cannot be read, or its first line does not name the columns.
    """
    text = read_text(path)
    first = re.split(r"[\r\n]", text, maxsplit=1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    cells: dict[str, list[str]] = {"file": [], "label": [], "group": []}
    numbers = []
    try:
        header = [name.strip().lower() for name in next(reader)]
        if missing := [name for name in ("file", "label") if name not in header]:
            raise UserError(
                f"{path} has no column {' and no column '.join(missing)}; its first line must "
                f"name the columns, as in file,label or file,label,group; found: {first}"
            )
        positions = {name: header.index(name) for name in cells if name in header}
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            numbers.append(reader.line_num)
            for name, position in positions.items():
                cells[name].append(row[position] if position < len(row) else "")
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: {error}") from None
    labels, groups = ([cell.strip() for cell in cells[name]] for name in ("label", "group"))
    return Table(cells["file"], labels, groups if "group" in positions else None, numbers)


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
