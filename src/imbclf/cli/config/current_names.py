"""Configurations of version 0.1 under current names."""

import sys
from typing import Any

from omegaconf import DictConfig, ListConfig

from imbclf.cli.config.signatures import Parameters, parameters
from imbclf.cli.config.validation import EXTRA_OPTIONS
from imbclf.utils.renamed import (
    ADDED,
    FORMER_RUN,
    OPTIONS,
    RUN,
    VALUES,
    current_name,
    current_override,
)


def use_current_names(node: Any) -> None:  # noqa: ANN401
    """Rename, in place, each `_target_` and option below a configuration node; add later options.

    >>> cfg = DictConfig({"data": {"_target_": "imbclf.dataset.LabelledFolder"}})
    >>> use_current_names(cfg)
    >>> cfg.data._target_
    'imbclf.data.LabelledFolder'
    """
    if isinstance(node, DictConfig) and isinstance(node.get("_target_"), str):
        node["_target_"] = current_name(node["_target_"])
    if isinstance(node, DictConfig):
        for former, current in OPTIONS.items():
            parent, _, name = former.rpartition(".")
            if node._get_full_key(None) == parent and name in node:
                node[current.rpartition(".")[2]] = node.pop(name)
        for added, value in ADDED.items():
            parent, _, name = added.rpartition(".")
            own = {**(_parameters(node) or {}), **EXTRA_OPTIONS.get(parent, {})}
            if node._get_full_key(None) == parent and name in own:
                node.setdefault(name, value)
        for key, (before, now) in VALUES.items():
            parent, _, name = key.rpartition(".")
            if node._get_full_key(None) == parent and node.get(name) == before:
                node[name] = now
    if isinstance(node, DictConfig | ListConfig):
        for part in node.values() if isinstance(node, DictConfig) else node:
            use_current_names(part)


def _parameters(node: DictConfig) -> Parameters | None:
    target = node.get("_target_")
    return parameters(target) if isinstance(target, str) else None


def use_current_overrides(arguments: list[str]) -> list[str]:
    """Return overrides under current names; print a deprecation line for each former one.

    >>> use_current_overrides(["head=linear", "seed=1"])
    ['head=linear', 'seed=1']
    """
    current = [current_override(argument) for argument in arguments]
    for former, now in zip(arguments, current, strict=True):
        if former != now:
            print(f"deprecated: {former} is now {now}", file=sys.stderr)
    return current


def use_run_option(arguments: list[str]) -> list[str]:
    """Return the arguments of a command that takes a run, with the option `run` for former names.

    >>> use_run_option(["run=a", "seed=1"])
    ['run=a', 'seed=1']
    """
    current = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        name = key.lstrip("+")
        if equals and name in FORMER_RUN:
            print(f"deprecated: {name}= is now {RUN}=", file=sys.stderr)
            argument = f"{key.removesuffix(name)}{RUN}={value}"
        current.append(argument)
    return current
