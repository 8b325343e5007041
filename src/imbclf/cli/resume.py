"""The configuration that a run left, for going on with it or judging it."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from imbclf.cli.command import conf_dir
from imbclf.errors import UserError

TORCH_CLASS = re.compile(r"torch\.(nn|optim)\.[A-Z]\w*")


def stored_configuration(run: Path, others: Sequence[str]) -> DictConfig:
    """Read a run's configuration; what it would call is checked before anything is called.

    Args:
        run: the run directory.
        others: further arguments; only `KEY._target_=NAME`, which repeats and so allows a class
            of the user's own that the configuration names.

    Raises:
        UserError: where there is nothing to go on with, or the configuration names a callable
            that is neither ours nor allowed.
    """
    if (run / "summary.json").exists():
        raise UserError(f"resume={run}: this run is finished")
    if (run / "multirun.yaml").exists():
        raise UserError(
            f"resume={run}: this is a sweep; give the command that started it, and resume={run}"
        )
    stray = [other for other in others if "._target_=" not in other]
    if stray:
        raise UserError(f"resume goes on with the run as it was: {' '.join(stray)} has no place")
    return read_configuration(run, "resume", others)


def finished_job(cfg: DictConfig, run: Path) -> float | None:
    """Give the HTER of a job that was finished before; None if it is to be started or gone on with.

    Args:
        cfg: what the job is composed to now.
        run: its run directory.

    Raises:
        UserError: the directory holds a run of another configuration.
    """
    if not (run / "config.yaml").exists():
        return None
    now = OmegaConf.create(OmegaConf.to_yaml(cfg, resolve=True))
    if OmegaConf.load(run / "config.yaml") != now:
        raise UserError(
            f"{run} holds a run of another configuration. Give the same command as before, or "
            "another folder"
        )
    summary = run / "summary.json"
    if not summary.exists():
        return None
    print(f"finished before: {run}")
    return float(json.loads(summary.read_text(encoding="utf-8"))["hter"])


def read_configuration(run: Path, option: str, allowed: Sequence[str] = ()) -> DictConfig:
    """Read a run's configuration; what it would call is checked before anything is called.

    Args:
        run: the run directory.
        option: what named it.
        allowed: `KEY._target_=NAME` of callables that are the user's own.

    Raises:
        UserError: there is none, or it names a callable that is neither ours nor allowed.
    """
    path = run / "config.yaml"
    try:
        cfg = OmegaConf.load(path)
    except (OSError, ValueError, YAMLError, OmegaConfBaseException) as error:
        raise UserError(
            f"{option}={run}: expected a run directory with a readable config.yaml ({error})"
        ) from error
    if not isinstance(cfg, DictConfig):
        raise UserError(f"{path}: not a configuration of imbclf-train")
    ours = set(_shipped_targets())
    refused = [
        f"{key}={target}"
        for key, target in _targets(OmegaConf.to_container(cfg), "")
        if not (target in ours or TORCH_CLASS.fullmatch(target))
        and f"{key}={target}" not in allowed
    ]
    if refused:
        raise UserError(
            f"{path} names code that is not imbclf's: {', '.join(refused)}. If it is yours, allow "
            f"it: imbclf-train {option}={run} {' '.join(refused)}"
        )
    return cfg


def _shipped_targets() -> Iterator[str]:
    """Give what our own YAML files call; a module's other names are not for a file to call."""
    for path in conf_dir().rglob("*.yaml"):
        for _, target in _targets(OmegaConf.to_container(OmegaConf.load(path)), ""):
            yield target


def _targets(node: Any, path: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    if isinstance(node, dict):
        for key, value in node.items():
            name = f"{path}.{key}" if path else str(key)
            if key == "_target_":
                yield name, str(value)
            yield from _targets(value, name)
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _targets(value, f"{path}.{number}")
