"""Words for messages."""

import difflib
from collections.abc import Iterable, Sequence


def first_few(names: Sequence[str], limit: int = 5) -> str:
    """Join at most `limit` names and say how many more there are.

    >>> first_few(["a", "b", "c"], limit=2)
    'a, b and 1 more'
    """
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit:,} more"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return which known name was probably meant, or name them all where there are few.

    >>> did_you_mean("gama", ["gamma", "alpha"])
    '; did you mean gamma?'
    """
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known here: {', '.join(known) or 'none'}"
