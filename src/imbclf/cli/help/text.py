"""The text of `--help`: the command's own words, its groups with their choices, its options."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import Template

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig, ListConfig

from imbclf.cli.config.conf_dir import conf_dir
from imbclf.cli.config.validation import INSTANTIATION
from imbclf.cli.help.files import YamlFiles, comments_of
from imbclf.cli.help.layout import two_columns

RANGE = {"low", "high", "log", "step", "choices"}  # of an option that imbclf-tune varies
NOW = re.compile(r"\$\{now:[^}]*\}")
NEEDED = "..."


def help_text(primary: str, cfg: DictConfig, loader: ConfigLoader, topics: Sequence[str]) -> str:
    """Return the help of a command, or the part of it that is about some groups or options.

    Args:
        primary: name of the command's own file, `train` for train.yaml.
        cfg: the composed configuration, with Hydra's own.
        loader: of Hydra, which knows the choices of a group.
        topics: groups such as `loss` and options such as `data.drop` or `cv`; none that is
            known for all of the help.
    """
    files = YamlFiles([*_user_folders(loader), conf_dir()])
    chosen = {str(group): choice for group, choice in cfg.hydra.runtime.choices.items()}
    rows = option_rows(cfg, comments_of(files, primary, chosen))
    groups = {
        group: _choices_text(files, group, choices, chosen[group])
        for group in reversed(chosen)
        if not {"/", "@"} & set(group) and len(choices := _choices(loader, group)) > 1
    }
    own = [row for row in rows if any(_is_about(row[0], topic) for topic in topics)]
    shown = [groups[topic] for topic in topics if topic in groups]
    if own or shown:
        return "\n\n".join([*shown, two_columns(own)]).strip("\n")
    return Template(cfg.hydra.help.template).substitute(
        APP_CONFIG_GROUPS="\n\n".join(groups.values()), CONFIG=two_columns(rows)
    )


def option_rows(cfg: DictConfig, comments: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return `key=value` and the comment of each option that a user may set.

    >>> option_rows(DictConfig({"run": "???", "data": {"dir": None}}), {"run": "a run directory"})
    [('run=...', 'needed: a run directory'), ('data.dir=null', '')]
    """
    rows = []
    for name, value in _leaves(cfg, ""):
        said = comments.get(name, "")
        rows.append((f"{name}={value}", f"needed: {said}" if value == NEEDED else said))
    return rows


def _is_about(row: str, topic: str) -> bool:
    name = row.partition("=")[0]
    return name == topic or name.startswith(f"{topic}.")


def _user_folders(loader: ConfigLoader) -> list[Path]:
    """Return the folders of `--config-dir` and `hydra.searchpath`."""
    places = [part.path for part in loader.get_search_path().get_path() if part.provider != "main"]
    return [Path(place.removeprefix("file://")) for place in places if "pkg://" not in place]


def _choices(loader: ConfigLoader, group: str) -> list[str]:
    """Return the choices of a group that work by themselves."""
    return [choice for choice in loader.get_group_options(group) if not choice.startswith("_")]


def _choices_text(files: YamlFiles, group: str, choices: Sequence[str], chosen: str | None) -> str:
    """Return a group's choices with their descriptions; a star marks the one that is chosen."""
    rows = [
        (f"{'*' if choice == chosen else ' '} {choice}", files.description(f"{group}/{choice}"))
        for choice in choices
    ]
    return f"{group}=\n{two_columns(rows)}"


def _leaves(cfg: DictConfig, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield the dotted name and the value, as one types it, of each option."""
    for key in map(str, cfg):
        if key in (*INSTANTIATION, "hydra"):
            continue
        node = cfg._get_node(key)
        if not isinstance(node, DictConfig) or node._is_none() or not len(node):
            yield f"{prefix}{key}", _written(cfg, key)
        elif not {*map(str, node)} <= RANGE:
            yield from _leaves(node, f"{prefix}{key}.")


def _written(cfg: DictConfig, key: str) -> str:
    raw = cfg._get_node(key)._value()  # type: ignore[union-attr]
    if isinstance(raw, str) and NOW.search(raw):
        return NOW.sub("TIME", raw)
    if raw == "???":
        return NEEDED
    value = cfg[key]
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, ListConfig):
        return f"[{','.join(map(str, value))}]"
    return str(value)
