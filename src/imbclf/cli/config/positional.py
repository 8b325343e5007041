"""Arguments without a name, as options: `imbclf-predict RUN IMAGES`."""

import os
from collections.abc import Sequence

from imbclf.cli.config.hydra_overrides import quoted
from imbclf.errors import UserError

# Hydra's flags that are followed by a value.
# fmt: off
WITH_VALUE = frozenset((
    "--config-dir", "-cd", "--config-name", "-cn", "--config-path", "-cp", "--cfg", "-c",
    "--package", "-p", "--info", "-i",
))
# fmt: on


def with_folder(arguments: Sequence[str]) -> list[str]:
    """Add `data=folder` where options of a folder of one's own are given, and no choice of data.

    >>> with_folder(["data.dir=photos"]), with_folder(["data=demo", "data.dir=photos"])
    (['data=folder', 'data.dir=photos'], ['data=demo', 'data.dir=photos'])
    """
    keys = [argument.lstrip("+").partition("=")[0] for argument in arguments]
    own = "data.dir" in keys and "data" not in keys
    return ["data=folder", *arguments] if own else [*arguments]


def split_bare(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the arguments without a name, and the others.

    A folder or file whose name holds an equals sign is no option, if it exists.

    >>> split_bare(["runs/a", "--cfg", "job", "~/photos", "~data", "seed=1"])
    (['runs/a', '~/photos'], ['--cfg', 'job', '~data', 'seed=1'])
    """
    bare: list[str] = []
    others: list[str] = []
    for place, argument in enumerate(arguments):
        is_value = place > 0 and arguments[place - 1] in WITH_VALUE
        is_path = "=" in argument and os.path.exists(argument)  # noqa: PTH110
        # Hydra deletes an option by ~NAME; a path in the home folder begins with ~/.
        is_option = argument.startswith("-") or (argument[:1] == "~" and argument[:2] != "~/")
        is_bare = not is_option and not is_value and ("=" not in argument or is_path)
        (bare if is_bare else others).append(argument)
    return bare, others


def name_arguments(arguments: Sequence[str], options: Sequence[str]) -> list[str]:
    """Return arguments in which those without a name have the names of options, in order.

    Args:
        arguments: as typed.
        options: the options that may stand without their name.

    Raises:
        UserError: there are more arguments without a name than options.

    >>> name_arguments(["runs/a", "photos", "tta=flip"], ["run", "data.dir"])
    ['tta=flip', "run='runs/a'", "data.dir='photos'"]
    >>> name_arguments(["--cfg", "job", "run=a"], ["run"])
    ['--cfg', 'job', 'run=a']
    """
    bare, others = split_bare(arguments)
    given = {argument.lstrip("+").partition("=")[0] for argument in others}
    free = [option for option in options if option not in given]
    if len(bare) > len(free):
        places = ", then ".join(free) or "all that may be are given by name"
        raise UserError(
            f"{' '.join(bare)}: expected {len(free) or 'nothing'} without a name ({places}); write "
            "other options as NAME=VALUE"
        )
    return [
        *others,
        *(f"{option}={quoted(value)}" for option, value in zip(free, bare, strict=False)),
    ]
