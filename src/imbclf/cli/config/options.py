"""The options of a command, read from its YAML file."""

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from imbclf.cli.config.conf_dir import conf_dir


def known_options(command: str) -> dict[str, bool]:
    """Return the names at the top level of a command's configuration.

    Returns:
        Each name, and whether it is a group of options (`data`, with `data.dir`).

    >>> known_options("report")
    {'run': False, 'data': True, 'positive': False, 'prevalence': False, 'accelerator': False}
    """
    return _options_of(conf_dir() / f"{command}.yaml")


def _options_of(file: Path) -> dict[str, bool]:
    node: Any = OmegaConf.to_container(OmegaConf.load(file))
    found: dict[str, bool] = {}
    for default in node.get("defaults", []):
        found |= _options_of_default(default)
    own = {key: isinstance(value, dict) for key, value in node.items()}
    return found | {key: own[key] for key in own if key not in ("defaults", "hydra")}


def _options_of_default(default: str | dict[str, str | None]) -> dict[str, bool]:
    """Return what an entry of a defaults list adds: a group or the options of a file."""
    if isinstance(default, str):  # another primary configuration, or this file itself
        return {} if default == "_self_" else _options_of(conf_dir() / f"{default}.yaml")
    ((group, choice),) = default.items()
    if group.startswith("override ") or choice is None:
        return {}
    name, _, package = group.partition("@")
    if package == "_global_":
        return _options_of(conf_dir() / name / f"{choice}.yaml")
    return {package or name: True}
