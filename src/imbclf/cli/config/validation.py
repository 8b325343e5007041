"""Check every key of a composed configuration before torch is imported."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from imbclf.cli.config.closed_options import open_options, why_closed
from imbclf.cli.config.options import known_options
from imbclf.cli.config.own_networks import extra_options
from imbclf.cli.config.signatures import Parameters
from imbclf.cli.config.target_parameters import import_target, target_parameters
from imbclf.errors import UserError
from imbclf.utils.text import did_you_mean, suggest

INSTANTIATION = ("_target_", "_partial_", "_convert_", "_recursive_", "_args_")
# Of imbclf itself, or built by it instead of with the rest of the group.
EXTRA_OPTIONS: dict[str, Parameters] = {
    "trainer": {"compile": "bool | str", "callbacks": None, "logger": None, "time_limit": None}
}
# Groups whose options are elsewhere.
MOVED = {
    name: f"; choose {name}=NAME, with options trainer.{name}.NAME.OPTION"
    for name in ("callbacks", "logger")
}
# What other tools call options of ours.
CALLED_ELSEWHERE = {
    **dict.fromkeys(("epochs", "num_epochs", "n_epochs"), "trainer.max_epochs"),
    **dict.fromkeys(("gpu", "gpus", "device", "cuda"), "trainer.accelerator"),
    **dict.fromkeys(("learning_rate", "eta"), "optim.lr"),
    **dict.fromkeys(("img_size", "imgsz", "size", "resize"), "data.image_size"),
    **dict.fromkeys(("pretrained", "checkpoint"), "model.weights"),
    "wd": "optim.weight_decay",
    "arch": "model",
    "criterion": "loss",
}
PLAIN_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "str": (str,),
    "None": (type(None),),
}
IN_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "None": "null",
}


def check(cfg: DictConfig, command: str) -> None:
    """Check a configuration for unknown keys, values of the wrong type and missing values.

    Args:
        cfg: the composed configuration.
        command: that it belongs to, `train` for imbclf-train.

    Raises:
        UserError: one line for each problem, with the nearest known name.
    """
    options = known_options(command)
    problems = [
        f"unknown option {key}"
        f"{MOVED.get(key) or _elsewhere(key, cfg) or did_you_mean(key, options)}"
        for key in map(str, cfg)
        if key not in options
    ]
    problems += [
        f"{key}={cfg[key]}: expected options below it, {key}.NAME=..."
        for key, holds_options in options.items()
        if holds_options and key in cfg and not isinstance(cfg._get_node(key), DictConfig)
    ]
    problems += [f"{key} is needed: add {key}=..." for key in sorted(OmegaConf.missing_keys(cfg))]
    if not problems:
        problems = list(_find_problems(OmegaConf.to_container(cfg, resolve=True), ""))
    if problems:
        raise UserError("\n".join(problems))


def drop_stale_options(cfg: DictConfig, overrides: Iterable[str]) -> None:
    """Drop options of a `_target_` that an override has replaced.

    `loss._target_=mine.Loss` is then all that a custom loss needs. Options that an override sets
    by name remain, for `check`.
    """
    given = dict(override.lstrip("+").partition("=")[::2] for override in overrides)
    for key, target in given.items():
        parent, _, last = key.rpartition(".")
        node = OmegaConf.select(cfg, parent) if last == "_target_" else None
        accepted = None if node is None else target_parameters(target)
        if parent == "model" and accepted is None:
            accepted = {}  # one that takes anything wants nothing of another network
        if node is None or accepted is None:
            continue
        with open_dict(node):
            for name in [*map(str, node)]:
                if name not in (*INSTANTIATION, *accepted) and f"{parent}.{name}" not in given:
                    del node[name]


def _find_problems(node: Any, path: str) -> Iterator[str]:  # noqa: ANN401
    if isinstance(node, list):
        node = {str(number): value for number, value in enumerate(node)}
    if not isinstance(node, dict):
        return
    target = node.get("_target_")
    accepted: Parameters | None = None
    if target is not None and not isinstance(target, str):
        yield f"{path}._target_={target}: expected the name of a class or function"
    elif target is not None:
        accepted = target_parameters(target)
        if accepted is not None:
            accepted = {**extra_options(path, target), **accepted, **EXTRA_OPTIONS.get(path, {})}
        elif import_target(target) is None:
            yield f"{path}._target_={target}: no such class or function can be imported"
    for key, value in node.items():
        if key in INSTANTIATION:
            continue
        name = f"{path}.{key}" if path else str(key)
        if reason := why_closed(path, str(key), value):
            yield reason
        elif accepted is not None and key not in accepted:
            yield f"unknown option {name}{_nearest(str(key), path, node, accepted)}"
        elif accepted is not None and not _fits(value, accepted[key]):
            yield f"{name}={value}: expected {_in_words(accepted[key])}"
        yield from _find_problems(value, name)


def _elsewhere(key: str, cfg: DictConfig) -> str:
    """Return the end of a message that names an option of this name in a group; "" if none is."""
    found = [f"{group!s}.{key}" for group, node in cfg.items() if _has(node, key)]
    if not found and (called := CALLED_ELSEWHERE.get(key)):
        group, _, option = called.rpartition(".")
        if _has(cfg.get(group, cfg), option):
            found = [called if group in cfg else option]
    return f"; did you mean {' or '.join(found)}?" if found else ""


def _has(node: object, key: str) -> bool:
    return isinstance(node, DictConfig) and key in node


def _nearest(key: str, path: str, given: Mapping[str, Any], accepted: Parameters) -> str:
    """Return the end of a message that suggests an option, one that is in use if there is one."""
    known = sorted(open_options(path, accepted))
    near = suggest(key, [name for name in known if name in given and name != key])
    near = near or did_you_mean(key, known)
    return near.replace("did you mean ", f"did you mean {path}.") if path else near


def _in_words(annotation: str | None) -> str:
    """Return what an option may be, as a user says it.

    >>> _in_words("int | None"), _in_words("str")
    ('a whole number or null', 'text')
    """
    pieces = [piece.strip() for piece in (annotation or "").split("|")]
    return " or ".join(IN_WORDS[piece] for piece in pieces)


def _fits(value: object, annotation: str | None) -> bool:
    pieces = [piece.strip() for piece in (annotation or "").split("|")]
    if not all(piece in PLAIN_TYPES for piece in pieces):
        return True
    allowed = tuple(kind for piece in pieces for kind in PLAIN_TYPES[piece])
    return isinstance(value, allowed) and (not isinstance(value, bool) or bool in allowed)
