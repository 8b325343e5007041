"""Every key of a composed configuration, checked before anything heavy is imported."""

import importlib
import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from imbclf.cli.config.options import known_options
from imbclf.cli.config.signatures import Parameters, parameters
from imbclf.errors import UserError
from imbclf.utils.text import did_you_mean

INSTANTIATION = ("_target_", "_partial_", "_convert_", "_recursive_", "_args_")
RESERVED: dict[str, tuple[str, ...]] = {
    "model": ("head",),
    "sampler": ("labels", "seed"),
    "trainer": (
        "logger",
        "callbacks",
        "plugins",
        "default_root_dir",
        "enable_checkpointing",
        "enable_progress_bar",
        "enable_model_summary",
        "num_sanity_val_steps",
        "use_distributed_sampler",
    ),
}
# What would leave an epoch without a judgment on the whole dev part at its end.
PER_EPOCH = {
    "trainer": (
        "check_val_every_n_epoch",
        "fast_dev_run",
        "limit_val_batches",
        "max_steps",
        "min_steps",
        "overfit_batches",
        "val_check_interval",
    )
}
OWN: dict[str, Parameters] = {"trainer": {"compile": "bool | str"}}  # beside the target's
PLAIN_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "str": (str,),
    "None": (type(None),),
}


def check(cfg: DictConfig, command: str) -> None:
    """Refuse keys that no target takes, values of the wrong type and values still missing.

    Args:
        cfg: the composed configuration.
        command: whose configuration it is, `train` for imbclf-train.

    Raises:
        UserError: one line for each mistake, with the nearest right name.
    """
    options = known_options(command)
    problems = [
        f"unknown option {key}{did_you_mean(key, options)}"
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
        problems = list(_mistakes(OmegaConf.to_container(cfg, resolve=True), ""))
    if problems:
        raise UserError("\n".join(problems))


def drop_stale_options(cfg: DictConfig, overrides: Iterable[str]) -> None:
    """Where an override names another `_target_`, drop options of the former one.

    `loss._target_=mine.Loss` is then all that a loss of one's own needs; an option that an
    override gives by name stays, and is judged by `check`.
    """
    given = dict(override.lstrip("+").partition("=")[::2] for override in overrides)
    for key, target in given.items():
        parent, _, last = key.rpartition(".")
        node = OmegaConf.select(cfg, parent) if last == "_target_" else None
        taken = parameters(target) or _imported_parameters(target) if node is not None else None
        if node is None or taken is None:
            continue
        with open_dict(node):
            for name in [*map(str, node)]:
                if name not in (*INSTANTIATION, *taken) and f"{parent}.{name}" not in given:
                    del node[name]


def _mistakes(node: Any, path: str) -> Iterator[str]:  # noqa: ANN401
    if not isinstance(node, dict):
        return
    target = node.get("_target_")
    taken: Parameters | None = None
    if target is not None and not isinstance(target, str):
        yield f"{path}._target_={target}: expected the name of a class or function"
    elif target is not None:
        taken = parameters(target) or _imported_parameters(target)
        if taken is not None:
            taken = {**taken, **OWN.get(path, {})}
        elif not _exists(target):
            yield f"{path}._target_={target}: no such class or function can be imported"
    for key, value in node.items():
        if key in INSTANTIATION:
            continue
        name = f"{path}.{key}" if path else str(key)
        if key in RESERVED.get(path, ()):
            yield f"{name} is set by imbclf itself and cannot be chosen"
        elif key in PER_EPOCH.get(path, ()):
            yield (
                f"{name} cannot be chosen: training goes by whole epochs, each judged on the whole "
                "dev part. Shorten it with trainer.max_epochs or trainer.limit_train_batches"
            )
        elif taken is not None and key not in taken:
            yield f"unknown option {name}{did_you_mean(str(key), taken)}"
        elif taken is not None and not _fits(value, taken[key]):
            yield f"{name}={value}: expected {taken[key]}"
        yield from _mistakes(value, name)


def _fits(value: object, annotation: str | None) -> bool:
    pieces = [piece.strip() for piece in (annotation or "").split("|")]
    if not all(piece in PLAIN_TYPES for piece in pieces):
        return True
    allowed = tuple(kind for piece in pieces for kind in PLAIN_TYPES[piece])
    return isinstance(value, allowed) and (not isinstance(value, bool) or bool in allowed)


def _exists(target: str) -> bool:
    return _import(target) is not None


def _import(target: str) -> object | None:
    module, _, name = target.rpartition(".")
    try:
        found: object = getattr(importlib.import_module(module), name, None)
    except (ImportError, ValueError, TypeError):  # the last for a name that begins with a dot
        return None
    return found


def _imported_parameters(target: str) -> Parameters | None:
    """Fall back on importing where the source does not tell."""
    found = _import(target)
    if not callable(found):
        return None
    if _is_plain_module(found):
        return {}
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        return None
    if any(part.kind is part.VAR_KEYWORD for part in signature.parameters.values()):
        return None
    return dict.fromkeys(signature.parameters)


def _is_plain_module(found: object) -> bool:
    """Tell a class that leaves its making to `nn.Module`, which says `**kwargs` but takes none.

    By name, since torch is not imported here unless the user's own module did.
    """
    made_by = getattr(found, "__init__", None)
    where = getattr(made_by, "__module__", None), getattr(made_by, "__qualname__", None)
    return isinstance(found, type) and where == ("torch.nn.modules.module", "Module.__init__")
