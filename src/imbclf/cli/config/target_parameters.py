"""Parameters of a `_target_`: read from its source, else by importing it."""

import importlib
import inspect
import traceback
from pathlib import Path

from imbclf.cli.config.signatures import Parameters, parameters
from imbclf.errors import UserError

# Parts of the names of files that are not the user's.
FOREIGN = ("<frozen", "importlib", "site-packages", str(Path(__file__).parents[2]))


def target_parameters(target: str) -> Parameters | None:
    """Return the parameters of a class or function; None where unknown or open (`**kwargs`)."""
    return parameters(target) or _imported_parameters(target)


def import_target(target: str) -> object | None:
    """Import a dotted name; return None where it does not exist.

    Raises:
        UserError: its module exists and fails to be imported; the message says where and why.
    """
    module, _, name = target.rpartition(".")
    if not module or module.startswith("."):
        return None
    try:
        found: object = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError as error:
        # The module itself or a package above it: such a name does not exist.
        if error.name is not None and f"{module}.".startswith(f"{error.name}."):
            return None
        raise UserError(f"{target}: {import_failure(error)}") from error
    except Exception as error:
        raise UserError(f"{target}: {import_failure(error)}") from error
    return found


def import_failure(error: BaseException) -> str:
    """Return where a module failed to be imported, and why.

    >>> import_failure(ModuleNotFoundError("No module named 'nothing'"))
    "cannot be imported: ModuleNotFoundError: No module named 'nothing'"
    """
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}: cannot be imported: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not any(part in frame.filename for part in FOREIGN)]
    where = f"{own[-1].filename}, line {own[-1].lineno}: " if own else ""
    return f"{where}cannot be imported: {type(error).__name__}: {error}"


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
