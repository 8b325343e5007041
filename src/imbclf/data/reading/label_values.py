"""Label values as they are written: one spelling of each, and which of them an option names."""

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence

BLANKS = frozenset({"-1", "nan", "n/a", "na", "none", "null", "unknown", "?", "-"})


def canonical(value: object) -> str:
    """Return one spelling of a value: case, surrounding spaces and ways to write a number are one.

    >>> canonical(" Benign "), canonical("1.0"), canonical(-1), canonical(True)
    ('benign', '1', '-1', 'true')
    """
    text = str(value).strip().casefold()
    try:
        number = float(text)
    except ValueError:
        return text
    return f"{number:.0f}" if number.is_integer() and abs(number) < 2**53 else repr(number)


def spellings(values: Iterable[str]) -> dict[str, str]:
    """Return the most common spelling, stripped, of each canonical value, the commonest first."""
    counts = Counter(values)
    totals: Counter[str] = Counter()
    names: dict[str, str] = {}
    for value, count in counts.most_common():
        totals[canonical(value)] += count
        names.setdefault(canonical(value), value.strip())
    return {key: names[key] for key, _ in totals.most_common()}


def is_positive(value: str, positive: frozenset[str]) -> bool:
    """Return whether a cell holds one of the positive values; several are parted by | or ;.

    >>> is_positive("Edema|Mass", frozenset({"mass"})), is_positive("None", frozenset({"mass"}))
    (True, False)
    """
    if canonical(value) in positive:
        return True
    return any(canonical(part) in positive for part in re.split(r"[|;]", value))


def dropped(values: Sequence[str], drop: Sequence[str]) -> list[bool]:
    """Return which labels as written are among those to leave out.

    >>> dropped(["0", "-1.0", ""], ["-1", ""])
    [False, True, True]
    """
    unwanted = frozenset(map(canonical, drop))
    return [bool(unwanted) and canonical(value) in unwanted for value in values]


def list_option(name: str, values: Iterable[str]) -> str:
    """Return `data.NAME=[...]`, quoted for Hydra and for the shell.

    >>> print(list_option("positive", ["mel"]), list_option("drop", ["", "not sure"]))
    'data.positive=[mel]' 'data.drop=["","not sure"]'
    """
    # Hydra reads null, and takes a backslash for one except before a quote.
    elements = (
        value
        if re.fullmatch(r"(?!(?:null|nan|inf)$)[A-Za-z_]\w*|-?\d+(\.\d+)?", value, re.I)
        else '"' + value.replace('"', r"\"") + '"'
        for value in values
    )
    return shlex.quote(f"data.{name}=[{','.join(elements)}]")
