"""Lists of names and suggestions in messages."""

import difflib
from collections.abc import Iterable, Sequence


def first_few(names: Sequence[str], limit: int = 5) -> str:
    """Return at most `limit` names, joined, and the number of the others.

    >>> first_few(["a", "b", "c"], limit=2)
    'a, b and 1 more'
    """
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit:,} more"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a message that suggests the nearest known name, or lists all of them.

    >>> did_you_mean("gama", ["gamma", "alpha"]), did_you_mean("zzz", ["gamma", "alpha"])
    ('; did you mean gamma?', '; known here: alpha, gamma')
    """
    known = sorted(known)
    return suggest(name, known) or f"; known here: {', '.join(known) or 'none'}"


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message that suggests the nearest known name; "" if none is near.

    >>> suggest("GAMA", ["gamma", "alpha"]), suggest("zzz", ["gamma", "alpha"])
    ('; did you mean gamma?', '')
    """
    by_lower_case = {one.lower(): one for one in sorted(known)}
    close = difflib.get_close_matches(name.lower(), by_lower_case, n=1)
    return f"; did you mean {by_lower_case[close[0]]}?" if close else ""
