"""What a stored configuration may call, and where it may write.

A run directory may come from anybody. Only callables that our own YAML files name, and folders
below the working directory, are used without being asked for by name.
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from imbclf.cli.config.conf_dir import conf_dir
from imbclf.errors import UserError

TORCH_CLASS = re.compile(
    r"loss\._target_=torch\.nn\.[A-Z]\w*Loss|optim\.optimizer\._target_=torch\.optim\.[A-Z]\w*"
    r"|augment(\.transforms\.\d+)*\._target_=torchvision\.transforms\.v2\.[A-Z]\w*"
)
DEMO = {"_target_": "imbclf.data.demo.write_demo", "_partial_": True}  # writes only to data.dir
EXTENSIONS = ("trainer.callbacks.", "trainer.logger.")
PLACES = ("data.cache_dir", "data.dir", "tracking.directory", "tracking.uri")


def is_approval(argument: str) -> bool:
    """Return whether an argument repeats, and so approves, what a stored configuration names.

    >>> is_approval("loss._target_=mine.Loss"), is_approval("data.dir=x"), is_approval("seed=1")
    (True, True, False)
    """
    return "._target_=" in argument or argument.partition("=")[0] in PLACES


def refuse_untrusted(
    configurations: Iterable[DictConfig], source: Path, approved: Sequence[str], command: str
) -> None:
    """Refuse calls of code that is not imbclf's and writing outside the working directory.

    Args:
        configurations: of unknown origin.
        source: file or folder that they were read from.
        approved: approvals, see `is_approval`.
        command: the command that takes approvals.

    Raises:
        UserError: lists all that needs approval.
    """
    calls: list[str] = []
    places: list[str] = []
    for cfg in configurations:
        calls += untrusted_calls(cfg, source)
        places += _outside_places(cfg, source)
    reasons, refused = [], []
    for reason, found in (
        ("names code that is not imbclf's, or not for that place", calls),
        ("writes files outside of the working directory", places),
    ):
        if left := [one for one in dict.fromkeys(found) if one not in approved]:
            reasons.append(f"{reason}: {', '.join(left)}")
            refused += left
    if refused:
        raise UserError(
            f"{source} {', and '.join(reasons)}. If you trust it, allow it: {command} "
            f"{shlex.join([*approved, *refused])}"
        )


def needed_approvals(cfg: DictConfig, source: Path) -> list[str]:
    """Return the arguments without which a run of this configuration cannot be resumed."""
    return [*dict.fromkeys([*untrusted_calls(cfg, source), *_outside_places(cfg, source)])]


def untrusted_calls(cfg: DictConfig, source: Path) -> list[str]:
    """Return each `KEY._target_=NAME` that is not imbclf's, or not for that place.

    Raises:
        UserError: call arguments that imbclf never writes.
    """
    shipped, stored = set(_shipped_targets()), OmegaConf.to_container(cfg)
    demos = [node for node in _nodes(stored) if node.get("_target_") == DEMO["_target_"]]
    if "'_args_'" in str(stored) or any(node != DEMO for node in demos):
        raise UserError(f"{source}: arguments of calls that imbclf never writes")
    return [
        f"{key}={target}"
        for key, target in _targets(stored, "")
        if not ((key, target) in shipped or TORCH_CLASS.fullmatch(f"{key}={target}"))
        or (key.startswith(EXTENSIONS) and not _has_shipped_options(cfg, key))
    ]


def _has_shipped_options(cfg: DictConfig, key: str) -> bool:
    """Return whether a callback or logger has no other options than our own YAML file sets.

    Others may name places to write to, as a logger's `name` and `version` do.
    """
    path, options = key.rpartition(".")[0], set()
    for file in conf_dir().rglob("*.yaml"):
        if _package(file) == path:
            options = {str(name) for name in OmegaConf.load(file)}
    return {str(name) for name in OmegaConf.select(cfg, path)} <= options


def refuse_links(run: Path) -> None:
    """Refuse a run directory with a link that leads out of it.

    Raises:
        UserError: names the first such link.
    """
    for path in run.rglob("*"):
        if path.is_symlink() and not path.resolve().is_relative_to(run.resolve()):
            raise UserError(
                f"resume={run}: {path} is a link that leads out of it; move it elsewhere"
            )


def _outside_places(cfg: DictConfig, source: Path) -> list[str]:
    """Return each `KEY=PLACE` outside the working directory that files are written to.

    Raises:
        UserError: a group with such keys is missing.
    """
    outside = []
    for key in PLACES:
        group, _, name = key.partition(".")
        options = cfg.get(group)
        if not isinstance(options, DictConfig):
            raise UserError(f"{source}: {group} is missing")
        place = options.get(name)
        if place is None or (key == "data.dir" and options.get("make") is None):
            continue  # nothing is written to the data folder
        if key == "tracking.uri" and str(place).startswith(("http://", "https://", "databricks")):
            continue
        inside = "://" not in str(place) and Path(str(place)).resolve().is_relative_to(Path.cwd())
        if not inside:
            outside.append(f"{key}={place}")
    return outside


def _shipped_targets() -> Iterator[tuple[str, str]]:
    """Yield the key and name of each call in our own YAML files."""
    for path in conf_dir().rglob("*.yaml"):
        yield from _targets(OmegaConf.to_container(OmegaConf.load(path)), _package(path))


def _package(path: Path) -> str:
    """Return the name below which Hydra puts the content of one of our YAML files."""
    group = path.relative_to(conf_dir()).parent.as_posix()
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    if first.startswith("# @package "):
        group = first.removeprefix("# @package ").strip()
    return "" if group in (".", "_global_") else group


def _nodes(node: Any) -> Iterator[dict[Any, Any]]:  # noqa: ANN401
    if isinstance(node, dict):
        yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _nodes(part)


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
