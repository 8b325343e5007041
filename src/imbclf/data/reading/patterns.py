"""Files chosen by patterns such as `*_top.png`."""

import re
from collections.abc import Callable, Sequence
from fnmatch import translate


def matches(files: Sequence[str], patterns: Sequence[str]) -> list[bool]:
    """Return which files match one of the patterns, by their whole path or by their name alone.

    >>> matches(["a/1_top.png", "a/1_side.png"], ["*_top.png"]), matches(["a/1.png"], ["a/*"])
    ([True, False], [True])
    """
    if not patterns:
        return [False] * len(files)
    return [*map(_matcher(patterns), files)]


def idle_patterns(files: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """Return the patterns that match no file.

    >>> idle_patterns(["a/1_top.png"], ["*_top.png", "*_tpo.png"])
    ['*_tpo.png']
    """
    return [pattern for pattern in patterns if not any(map(_matcher([pattern]), files))]


def _matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return the test whether a file matches one of some patterns."""
    whole = re.compile("|".join(translate(pattern) for pattern in patterns))
    bare = [translate(pattern) for pattern in patterns if "/" not in pattern]
    name = re.compile("|".join(bare)) if bare else None
    return lambda file: bool(whole.match(file) or (name and name.match(file.rpartition("/")[2])))
