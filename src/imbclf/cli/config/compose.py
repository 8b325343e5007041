"""Configurations composed from overrides while a command runs, and written as an experiment."""

from collections.abc import Mapping, Sequence
from typing import Any

from hydra import compose
from omegaconf import DictConfig, OmegaConf, open_dict

from imbclf.cli.config.hydra_overrides import to_hydra_override
from imbclf.cli.config.validation import drop_stale_options

GROUPS = ("augment", "model", "head", "loss", "sampler", "optim", "trainer")
OF_NO_RECIPE = ("dir", "cache_dir", "holdout", "make")  # among the options of data


def compose_train(overrides: Sequence[str]) -> tuple[DictConfig, dict[str, str]]:
    """Compose what `imbclf-train` would; return it and the choice made in each group."""
    cfg = compose("train", list(overrides), return_hydra_config=True)
    choices = {str(group): choice for group, choice in cfg.hydra.runtime.choices.items()}
    with open_dict(cfg):
        del cfg["hydra"]
    drop_stale_options(cfg, overrides)
    return cfg, choices


def key_of(override: str) -> str:
    """Return the key of an override.

    >>> key_of("++optim.lr=0.1")
    'optim.lr'
    """
    return override.lstrip("+~").partition("=")[0]


def to_overrides(drawn: Mapping[str, object]) -> list[str]:
    """Return drawn values as overrides.

    >>> to_overrides({"loss": "focal", "optim.lr": 1e-05, "optim.ema": None, "model.probe": True})
    ['loss=focal', '++optim.lr=1e-05', '++optim.ema=null', '++model.probe=true']
    """
    return [to_hydra_override(f"{key}={_spelled(value)}") for key, value in drawn.items()]


def _spelled(value: object) -> str:
    return (
        "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    )


def experiment_yaml(
    cfg: DictConfig, choices: Mapping[str, str], given: Sequence[str], header: Sequence[str]
) -> str:
    """Write a configuration as an experiment: its choices, and what differs from them.

    Tracking is left out, and so is where the images lie, what is held out of them and the one fold
    trained; of the other options of data, and the seed, those that are given anyway.

    Args:
        cfg: as `composed` gives it.
        choices: of its groups.
        given: overrides that will be given beside the experiment.
        header: lines of comment.
    """
    named = [f"{group}={choices[group]}" for group in GROUPS]
    base, _ = compose_train([*named, f"data={choices['data']}"])
    own = difference(_plain(cfg), _plain(base))
    own.get("cv", {}).pop("fold", None)
    own.pop("tracking", None)
    keys = [key_of(override) for override in given]
    if "seed" in keys:
        own.pop("seed", None)
    for key in [*own.get("data", {})]:
        name = f"data.{key}"
        if key in OF_NO_RECIPE or any(one == name or one.startswith(f"{name}.") for one in keys):
            del own["data"][key]
    left: dict[str, Any] = {
        "defaults": [{f"override /{group}": choices[group]} for group in GROUPS],
        **{key: value for key, value in own.items() if value != {}},
    }
    comment = "".join(f"# {line}\n" for line in header)
    return f"# @package _global_\n{comment}{OmegaConf.to_yaml(OmegaConf.create(left))}"


def image_overrides(cfg: DictConfig, choices: Mapping[str, str]) -> list[str]:
    """Return the overrides that name the images of a configuration, where it has others than usual.

    Args:
        cfg: as `composed` gives it.
        choices: of its groups.
    """
    choice = f"data={choices['data']}"
    base, _ = compose_train([choice])
    chosen = [] if choices["data"] == compose_train([])[1]["data"] else [choice]
    folder = OmegaConf.select(cfg, "data.dir")
    moved = folder != OmegaConf.select(base, "data.dir")
    return [*chosen, *([f"data.dir={folder}"] if moved else [])]


def difference(ours: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Return what has to be laid over `base` to make it ours.

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
