"""Hydra's parser of flags, as Python 3.14 accepts it, and with errors in the words of this package.

From Python 3.14 on, `argparse` formats each help text as it is added, and refuses that of
`--shell-completion`, which is no string: Hydra 1.3 builds it only when it is printed.
"""

import argparse
from types import SimpleNamespace
from typing import Any, NoReturn

from hydra._internal import utils

from imbclf.errors import UserError


class FlagParser(argparse.ArgumentParser):
    """A parser whose help texts are strings, and whose errors are raised.

    >>> FlagParser().parse_args(["--epochs", "3"])
    Traceback (most recent call last):
    imbclf.errors.UserError: unrecognized arguments: --epochs 3; options are written NAME=VALUE, \
see --help
    """

    def add_argument(self, *names: str, **options: Any) -> argparse.Action:  # noqa: ANN401
        """Add an argument; the name of a flag stands for a help text that is no string."""
        if not isinstance(options.get("help", ""), str):
            options["help"] = names[0].lstrip("-").replace("-", " ")
        return super().add_argument(*names, **options)

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong, without a list of Hydra's flags.

        Raises:
            UserError: always.
        """
        raise UserError(f"{message}; options are written NAME=VALUE, see --help")


def use_flag_parser() -> None:
    """Make Hydra use this parser."""
    utils.argparse = SimpleNamespace(**{**vars(argparse), "ArgumentParser": FlagParser})  # type: ignore[assignment, attr-defined]
