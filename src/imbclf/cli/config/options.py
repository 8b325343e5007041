"""The options that a command knows, read off its YAML file."""

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from imbclf.cli.config.conf_dir import conf_dir


def known_options(command: str) -> list[str]:
    """Return the names at the top level of a command's configuration, groups among them.

    >>> known_options("report")
    ['run', 'data', 'accelerator']
    """
    return list(dict.fromkeys(_keys_of(conf_dir() / f"{command}.yaml")))


def _keys_of(file: Path) -> list[str]:
    node: Any = OmegaConf.to_container(OmegaConf.load(file))
    found: list[str] = []
    for default in node.get("defaults", []):
        found += _keys_of_default(default)
    return found + [key for key in node if key not in ("defaults", "hydra")]


def _keys_of_default(default: str | dict[str, str | None]) -> list[str]:
    """Return the keys that an entry of a defaults list adds: a group's name, or a file's keys."""
    if isinstance(default, str):  # another primary configuration, or this file itself
        return [] if default == "_self_" else _keys_of(conf_dir() / f"{default}.yaml")
    ((group, choice),) = default.items()
    if group.startswith("override ") or choice is None:
        return []
    name, _, package = group.partition("@")
    if package == "_global_":
        return _keys_of(conf_dir() / name / f"{choice}.yaml")
    return [package or name]
