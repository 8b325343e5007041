"""Parameters of a `_target_`: read from its source, else by importing it."""

import importlib
import inspect

from imbclf.cli.config.signatures import Parameters, parameters


def target_parameters(target: str) -> Parameters | None:
    """Return the parameters of a class or function; None where unknown or open (`**kwargs`)."""
    return parameters(target) or _imported_parameters(target)


def import_target(target: str) -> object | None:
    """Import a dotted name; return None where it does not exist."""
    module, _, name = target.rpartition(".")
    try:
        found: object = getattr(importlib.import_module(module), name, None)
    except (ImportError, ValueError, TypeError):  # the last for a name that begins with a dot
        return None
    return found


def _imported_parameters(target: str) -> Parameters | None:
    found = import_target(target)
    if not callable(found):
        return None
    if _has_no_init(found):
        return {}
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        return None
    if any(part.kind is part.VAR_KEYWORD for part in signature.parameters.values()):
        return None
    return dict.fromkeys(signature.parameters)


def _has_no_init(found: object) -> bool:
    """Return whether a class inherits `nn.Module.__init__`, whose `**kwargs` are always refused.

    Compared by name, since torch is not imported here unless the user's own module did.
    """
    init = getattr(found, "__init__", None)
    origin = getattr(init, "__module__", None), getattr(init, "__qualname__", None)
    return isinstance(found, type) and origin == ("torch.nn.modules.module", "Module.__init__")
