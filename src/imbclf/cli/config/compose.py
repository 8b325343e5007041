"""Compose configurations from overrides within a command; write them as experiment files."""

from collections.abc import Mapping, Sequence
from typing import Any

from hydra import compose
from omegaconf import DictConfig, OmegaConf, open_dict

from imbclf.cli.config.home_paths import expand_home_in
from imbclf.cli.config.hydra_overrides import to_hydra_override
from imbclf.cli.config.validation import drop_stale_options

GROUPS = ("augment", "model", "head", "loss", "sampler", "optim", "trainer")
NOT_IN_RECIPE = ("dir", "cache_dir", "holdout", "make")  # options of data


def compose_train(overrides: Sequence[str]) -> tuple[DictConfig, dict[str, str]]:
    """Compose a configuration of `imbclf-train`; return it and the choice of each group."""
    cfg = compose("train", list(overrides), return_hydra_config=True)
    choices = {str(group): choice for group, choice in cfg.hydra.runtime.choices.items()}
    with open_dict(cfg):
        del cfg["hydra"]
    expand_home_in(cfg)
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
    return [to_hydra_override(f"{key}={_format(value)}") for key, value in drawn.items()]


def _format(value: object) -> str:
    return (
        "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    )


def experiment_yaml(
    cfg: DictConfig, choices: Mapping[str, str], given: Sequence[str], header: Sequence[str]
) -> str:
    """Return a configuration as an experiment file: its group choices and its changes to them.

    Left out are tracking, `cv.fold`, the paths and the holdout of `data`, and the seed and other
    options of `data` that are in `given`.

    Args:
        cfg: as `compose_train` returns it.
        choices: of its groups.
        given: overrides that will accompany the experiment.
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
        if key in NOT_IN_RECIPE or any(one == name or one.startswith(f"{name}.") for one in keys):
            del own["data"][key]
    left: dict[str, Any] = {
        "defaults": [{f"override /{group}": choices[group]} for group in GROUPS],
        **{key: value for key, value in own.items() if value != {}},
    }
    comment = "".join(f"# {line}\n" for line in header)
    return f"# @package _global_\n{comment}{OmegaConf.to_yaml(OmegaConf.create(left))}"


def image_overrides(cfg: DictConfig, choices: Mapping[str, str]) -> list[str]:
    """Return the overrides that select the images of a configuration, where not the default ones.

    Args:
        cfg: as `compose_train` returns it.
        choices: of its groups.
    """
    choice = f"data={choices['data']}"
    base, _ = compose_train([choice])
    chosen = [] if choices["data"] == compose_train([])[1]["data"] else [choice]
    folder = OmegaConf.select(cfg, "data.dir")
    moved = folder != OmegaConf.select(base, "data.dir")
    return [*chosen, *([f"data.dir={folder}"] if moved else [])]


def difference(ours: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of `ours` that are missing from `base` or differ.

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
