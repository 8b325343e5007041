"""The arguments of a command as Hydra takes them."""

import os
from collections.abc import Sequence

from imbclf.cli.config.current_names import use_current_overrides, use_run_option
from imbclf.cli.config.home_paths import LISTS, PATHS, expand_home
from imbclf.cli.config.hydra_overrides import flags_first, quoted, to_hydra_override
from imbclf.cli.config.override_dirname import only_what_differs
from imbclf.cli.config.own_networks import take_allowed_networks
from imbclf.cli.config.positional import name_arguments, with_folder

COMPLETION = {"-sc", "--shell-completion"}
SWEEP = {"-m", "--multirun"}


def command_arguments(
    command: str, arguments: Sequence[str], positional: Sequence[str] = ()
) -> list[str]:
    """Return what was typed after a command as Hydra takes it.

    Args:
        command: `train`, `predict`, ...
        arguments: as typed.
        positional: options that may stand without their name, in this order.

    Raises:
        UserError: there are more arguments without a name than such options.

    >>> command_arguments("train", ["photos"], ["data.dir"])
    ['data=folder', "++data.dir='photos'"]
    """
    trains = command in ("train", "tune")
    given = [*arguments] if trains else use_run_option([*arguments])
    if positional:
        given = name_arguments(given, positional)
    return hydra_arguments(with_folder(given) if trains else take_allowed_networks(given))


def hydra_arguments(arguments: Sequence[str]) -> list[str]:
    """Return a command's arguments in the form that Hydra accepts.

    >>> hydra_arguments(["optim.lr=0.1", "data.dir=a,b", "--cfg", "job"])
    ['--cfg', 'job', '++optim.lr=0.1', "++data.dir='a,b'"]
    """
    if COMPLETION & {*arguments}:  # install=bash and query=bash are no overrides
        return [*arguments]
    is_sweep = bool(SWEEP & {*arguments}) or any(one.startswith("hydra.mode=") for one in arguments)
    given = [expand_home(argument) for argument in arguments]
    if not is_sweep:
        given = [_with_comma(argument) for argument in given]
    current = flags_first(use_current_overrides(given))
    return only_what_differs([to_hydra_override(argument) for argument in current])


def _with_comma(argument: str) -> str:
    """Quote a path that holds a comma, which only in a sweep separates values."""
    key, _, value = argument.partition("=")
    name = key.lstrip("+")
    if name not in PATHS or "," not in value or value[0] in "'\"[" or "${" in value:
        return argument
    is_one = name not in LISTS or os.path.exists(value)  # noqa: PTH110  # False if too long
    return f"{key}={quoted(value)}" if is_one else argument
