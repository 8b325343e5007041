"""Options of a Python call as the overrides that they are on the command line."""

import re
from collections.abc import Mapping
from os import PathLike

from imbclf.cli.config.conf_dir import conf_dir
from imbclf.cli.config.current_names import use_current_overrides
from imbclf.cli.config.hydra_overrides import quoted, to_hydra_override
from imbclf.errors import UserError

NAME = re.compile(r"[+~]*[\w$][^\s=]*")


def as_arguments(options: Mapping[str, object]) -> list[str]:
    """Return `key=value` for each option; a mapping holds the options below a name.

    >>> as_arguments({"loss": "focal", "trainer.max_epochs": 8, "model.weights": None})
    ['loss=focal', '++trainer.max_epochs=8', '++model.weights=null']
    >>> as_arguments({"data": {"dir": "my photos", "label_map": {"good": 1, "bad": 0}}})
    ["++data.dir='my photos'", '++data.label_map={good:1,bad:0}']

    Raises:
        UserError: a name is none, or a group has no choice.
    """
    flat: dict[str, object] = {}
    for key, value in options.items():
        if isinstance(value, Mapping) and "." not in key:
            flat |= {f"{key}.{name}": inner for name, inner in value.items()}
        else:
            flat[key] = value
    for key, value in flat.items():
        _check(key, value)
    written = [
        f"{key}={value if isinstance(value, str) and _is_choice(key) else _element(value)}"
        for key, value in flat.items()
    ]
    return [to_hydra_override(argument) for argument in use_current_overrides(written)]


def _check(key: str, value: object) -> None:
    if not NAME.fullmatch(key):
        raise UserError(f"{key!r}: expected the name of an option, such as optim.lr")
    if _is_choice(key) and not isinstance(value, str | list | tuple):
        raise UserError(
            f"{key}={value}: expected the name of a choice; leave it out for the usual one"
        )


def _is_choice(key: str) -> bool:
    return (conf_dir() / key).is_dir()


def _element(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        pairs = (f"{_escaped(str(key))}:{_element(one)}" for key, one in value.items())
        return f"{{{','.join(pairs)}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_element, value))}]"
    return quoted(str(value)) if isinstance(value, str | PathLike) else str(value)


def _escaped(key: str) -> str:
    """Write a key as Hydra reads it: it takes no quotes there."""
    return re.sub(r"([\\()\[\]{}:=, \t])", r"\\\1", key)
