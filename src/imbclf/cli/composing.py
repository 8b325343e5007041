"""Configurations composed from overrides while a command runs, and written as an experiment."""

from collections.abc import Mapping, Sequence
from typing import Any

from hydra import compose
from omegaconf import DictConfig, OmegaConf, open_dict

from imbclf.cli.check import adopt_targets
from imbclf.cli.command import loosen

GROUPS = ("augment", "model", "head", "loss", "sampler", "optim", "trainer")
OF_THE_DATA = ("data", "tracking", "seed")  # of no recipe


def composed(overrides: Sequence[str]) -> tuple[DictConfig, dict[str, str]]:
    """Compose what `imbclf-train` would; give it and the choice made in each group."""
    cfg = compose("train", list(overrides), return_hydra_config=True)
    choices = {str(group): choice for group, choice in cfg.hydra.runtime.choices.items()}
    with open_dict(cfg):
        del cfg["hydra"]
    adopt_targets(cfg, overrides)
    return cfg, choices


def as_overrides(drawn: Mapping[str, object]) -> list[str]:
    """Give drawn values as overrides.

    >>> as_overrides({"loss": "focal", "optim.lr": 1e-05, "optim.ema": None, "model.probe": True})
    ['loss=focal', '++optim.lr=1e-05', '++optim.ema=null', '++model.probe=true']
    """
    return [loosen(f"{key}={_spelt(value)}") for key, value in drawn.items()]


def _spelt(value: object) -> str:
    return (
        "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    )


def as_experiment(
    cfg: DictConfig, choices: Mapping[str, str], drawn: Mapping[str, object], header: Sequence[str]
) -> str:
    """Write a configuration as an experiment: its choices, and what differs from them.

    Data, tracking and seed are left out, but for what was drawn; so is the one fold trained.

    Args:
        cfg: as `composed` gives it.
        choices: of its groups.
        drawn: what a search drew.
        header: lines of comment.
    """
    named = [f"{group}={choices[group]}" for group in GROUPS]
    base, _ = composed([*named, f"data={choices['data']}"])
    own = difference(_plain(cfg), _plain(base))
    own.get("cv", {}).pop("fold", None)
    kept = {key: value for key, value in own.items() if key not in OF_THE_DATA and value != {}}
    left: dict[str, Any] = {
        "defaults": [{f"override /{group}": choices[group]} for group in GROUPS],
        **kept,
    }
    written = OmegaConf.create(left)
    for key, value in drawn.items():
        if key.split(".")[0] in OF_THE_DATA:
            OmegaConf.update(written, key, value, force_add=True)
    comment = "".join(f"# {line}\n" for line in header)
    return f"# @package _global_\n{comment}{OmegaConf.to_yaml(written)}"


def difference(ours: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Give what has to be laid over `base` to make it ours.

    >>> difference({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 2, "d": 4}})
    {'b': {'d': 3}}
    """
    left: dict[str, Any] = {}
    for key, value in ours.items():
        if key in base and base[key] == value:
            continue
        inner = isinstance(value, Mapping) and isinstance(base.get(key), Mapping)
        left[key] = difference(value, base[key]) if inner else value
    return left


def _plain(cfg: DictConfig) -> dict[str, Any]:
    plain = OmegaConf.to_container(cfg)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}
