"""Networks of the user's own that may be built again from a file that names them.

A predictor may come from anybody, so that a name in it is called only if the user has named it too,
as `torch.serialization.add_safe_globals` does for pickles.
"""

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

from imbclf.errors import UserError

VARIABLE = "IMBCLF_NETWORKS"  # for processes that take no arguments, such as `mlflow models serve`
OPTION = "model._target_"
_allowed: dict[str, Callable[..., Any] | None] = {}


def allow_network(network: str | Callable[..., Any]) -> None:
    """Allow a predictor to build a network of your own, in this process.

    A predictor names the class of its network and never calls what you have not allowed. Commands
    take `model._target_=my.Net`; other processes take the names in the variable `IMBCLF_NETWORKS`,
    separated by commas.

    Args:
        network: the class or function itself, or its dotted name.

    >>> allow_network("my.Net")
    >>> is_allowed("my.Net"), is_allowed("my.Other")
    (True, False)
    """
    if isinstance(network, str):
        _allowed.setdefault(network, None)
    else:
        _allowed[network_name(network)] = network


def is_allowed(name: str) -> bool:
    """Return whether a network of that dotted name may be built."""
    return name in _allowed or name in os.environ.get(VARIABLE, "").split(",")


def network_name(network: Callable[..., Any]) -> str:
    """Return the dotted name of a class or function.

    >>> from collections import Counter
    >>> network_name(Counter)
    'collections.Counter'
    """
    return f"{network.__module__}.{network.__qualname__}"


def find_network(name: str) -> Callable[..., Any]:
    """Return the class or function of that name, if the user has allowed it.

    Raises:
        UserError: it is not allowed, or cannot be imported.
    """
    if not is_allowed(name):
        raise UserError(
            f"the network is {name}, which is not imbclf's, and its code would be run. If you "
            f'trust it, allow it: {OPTION}={name} (in Python: imbclf.models.allow_network("{name}")'
            f"; for mlflow models serve: {VARIABLE}={name})"
        )
    if (known := _allowed.get(name)) is not None:
        return known
    module, _, last = name.rpartition(".")
    try:
        found: Callable[..., Any] = getattr(import_module(module), last)
    except Exception as error:  # the user's module may raise anything
        raise UserError(
            f"the network {name} cannot be imported ({type(error).__name__}: {error}). Run from "
            "the folder that holds its module, or add that folder to PYTHONPATH"
        ) from error
    return found
