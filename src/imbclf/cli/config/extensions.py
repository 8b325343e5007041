"""Callbacks and loggers of the user's choice: `trainer.callbacks` and `trainer.logger`."""

import hashlib
import inspect
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import lightning as L
from hydra.utils import get_class, instantiate
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.loggers import Logger

from imbclf.cli.config.error_context import explain_option
from imbclf.errors import UserError
from imbclf.utils.install_line import install_line

LOGS = "logs"  # of a run directory
TENSORBOARD = "`tensorboard`"  # in Lightning's message where it is not installed
Part = TypeVar("Part", L.Callback, Logger)


def callback_factory(options: object) -> Callable[[], list[L.Callback]]:
    """Return a function that makes the callbacks of one fold.

    They are made once before anything is trained, to find mistakes.

    Args:
        options: of `trainer.callbacks`, by name or as a list; None for none.

    Raises:
        UserError: one cannot be made, or is no callback.
    """
    nodes = dict(_nodes("trainer.callbacks", options))

    def build() -> list[L.Callback]:
        return [_build(name, node, L.Callback, {}) for name, node in nodes.items()]

    build()
    return build


def logger_factory(
    options: object, params: Mapping[str, Any]
) -> Callable[[Path, int], list[Logger]]:
    """Return a function of run directory and fold that makes the loggers of that fold.

    They write below `logs/` in the run directory. They are made once before anything is trained,
    to find mistakes.

    Args:
        options: of `trainer.logger`, by name or as a list; None or False for none.
        params: flat configuration, logged as hyperparameters.

    Raises:
        UserError: one cannot be made, or is no logger.
    """
    nodes = dict(_nodes("trainer.logger", options))

    def make(run: Path, fold: int) -> list[Logger]:
        return [
            _build(name, node, Logger, _places(name, node, run, fold))  # type: ignore[type-abstract]
            for name, node in nodes.items()
        ]

    def build(run: Path, fold: int) -> list[Logger]:
        loggers = make(run, fold)
        for logger in loggers:
            logger.log_hyperparams(dict(params))
        return loggers

    make(Path(tempfile.gettempdir()), 0)
    return build


def check_log_interval(trainer: Mapping[str, Any]) -> None:
    """Refuse `trainer.log_every_n_steps` where no logger would log at steps.

    Raises:
        UserError: it is set without a logger.
    """
    if "log_every_n_steps" in trainer and not trainer.get("logger"):
        raise UserError("trainer.log_every_n_steps has no effect without a logger: remove it")


def _nodes(key: str, options: object) -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and the options of each part."""
    if options is None or options is False:
        return
    if not isinstance(options, list | dict):
        group = key.rpartition(".")[2]
        raise UserError(
            f"{key}={options}: expected a choice of the group ({group}=NAME) or "
            f"{key}.NAME._target_=CLASS"
        )
    named = options if isinstance(options, dict) else dict(enumerate(options))
    for name, node in named.items():
        if not isinstance(node, dict) or not isinstance(node.get("_target_"), str):
            raise UserError(f"{key}.{name}={node}: expected {key}.{name}._target_=CLASS")
        if not re.fullmatch(r"\w[\w-]*", str(name)):
            raise UserError(f"{key}: {name!r} is no name; expected letters, digits, _ and -")
        yield f"{key}.{name}", node


def _build(name: str, node: Mapping[str, Any], kind: type[Part], places: dict[str, Any]) -> Part:
    try:
        with explain_option(name, MisconfigurationException, ImportError):
            part = instantiate({**places, **node}, _convert_="all")
    except UserError as error:
        hint = f": {install_line('tensorboard')}" if TENSORBOARD in str(error) else ""
        raise UserError(f"{error}{hint}") from error
    if not isinstance(part, kind):
        raise UserError(f"{name}: {node['_target_']} has to be a lightning {kind.__name__}")
    return part


def _places(name: str, node: Mapping[str, Any], run: Path, fold: int) -> dict[str, Any]:
    """Return the options of a logger that say where it writes, as far as it has them."""
    with explain_option(name, ImportError):
        accepted = inspect.signature(get_class(node["_target_"])).parameters
    if "save_dir" in node:
        raise UserError(f"{name}.save_dir is set by imbclf: loggers write in the run directory")
    own = f"fold_{fold}"
    found = {"save_dir": str(run / LOGS / name.rpartition(".")[2]), "name": own}
    if "sub_dir" in accepted:  # TensorBoard joins the files of a resumed fold in one folder
        found["version"] = ""
    if "log_model" in accepted and "id" in accepted:  # W&B: a resumed fold is the same run there
        place = hashlib.sha256(str(run.resolve()).encode()).hexdigest()[:12]
        found |= {"name": f"{run.name}/{own}", "group": run.name, "id": f"{place}-{own}"}
        return found
    return {key: value for key, value in found.items() if key in accepted}
