"""Figures without the backend of a notebook, which another environment may not have."""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE, MODULE = "MPLBACKEND", "module://"


@contextmanager
def usable_figure_backend() -> Iterator[None]:
    """Hide a backend that cannot be imported: matplotlib would refuse to be imported at all.

    `!imbclf-train` in a notebook inherits the notebook's. Commands draw to files only.
    """
    given = os.environ.get(VARIABLE, "")
    if not given.startswith(MODULE) or _exists(given.removeprefix(MODULE)):
        yield
        return
    os.environ[VARIABLE] = "agg"
    try:
        yield
    finally:
        os.environ[VARIABLE] = given


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
