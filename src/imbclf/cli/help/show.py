"""`--help` in place of Hydra's, which shows neither comments nor what a choice is."""

import re
import shutil
from argparse import ArgumentParser
from collections.abc import Sequence
from functools import partialmethod
from pathlib import Path
from typing import Any

from hydra._internal.hydra import Hydra
from hydra.types import RunMode

from imbclf.cli.config.conf_dir import conf_dir
from imbclf.cli.help.layout import WIDEST, fold
from imbclf.cli.help.text import help_text

OPTION = re.compile(r"[a-z]\w*(\.\w+)*")


def take_topics(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the groups and options that `--help` is asked about, and the arguments without them.

    >>> take_topics(["--help", "loss", "head=cosine", "data.positive", "seed=1"])
    (['loss', 'head', 'data.positive'], ['--help', 'head=cosine', 'seed=1'])
    """
    groups = {path.name for path in conf_dir().iterdir() if path.is_dir()}
    asked = [one for one in arguments if OPTION.fullmatch(one) and not Path(one).exists()]
    topics = [
        name for one in arguments if (name := one.partition("=")[0]) in groups or one in asked
    ]
    return topics, [one for one in arguments if one not in asked]


def replace_help(topics: Sequence[str]) -> None:
    """Make Hydra print our help, of these groups and options or of all."""
    Hydra.app_help = partialmethod(_print_help, topics=topics)  # type: ignore[assignment]


def _print_help(
    hydra: Hydra,
    config_name: str | None,
    args_parser: ArgumentParser,
    args: Any,  # noqa: ANN401
    topics: Sequence[str],
) -> None:
    del args_parser
    cfg = hydra.compose_config(
        config_name, args.overrides, RunMode.RUN, with_log_configuration=True
    )
    columns = shutil.get_terminal_size((WIDEST, 24)).columns
    text = help_text(str(config_name), cfg, hydra.config_loader, topics)
    print(fold(text, min(columns, WIDEST)))
