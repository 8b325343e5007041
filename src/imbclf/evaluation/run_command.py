"""How a run was started, `command.json`: the words of the command, and when."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from imbclf.utils.safe_reading import read_json, readable
from imbclf.utils.schema import field, list_of, text
from imbclf.utils.tables import write_json

COMMAND = "command.json"
# A path that was given without the name of its option is quoted for Hydra, mostly without need.
QUOTED = re.compile(r"^([\w.]+=)'((?!(?:true|false|null|nan|inf)')[A-Za-z/~.][\w./~-]*)'$", re.I)
ELSEWHERE = ("data.dir=", "hydra.", "tracking", "data=folder", "data=demo")  # no part of the recipe


@dataclass(frozen=True)
class RunCommand:
    """How a run was started.

    Attributes:
        options: as they were given, `key=value`.
        started: when, in local time, such as `2026-11-29 10:24`.
    """

    options: tuple[str, ...]
    started: str

    @property
    def line(self) -> str:
        """Return the command as one would type it.

        >>> RunCommand(("data.dir=my images", "loss=focal"), "").line
        "imbclf-train 'data.dir=my images' loss=focal"
        >>> RunCommand(("data.dir='photos'",), "").line
        'imbclf-train data.dir=photos'
        """
        return as_typed("imbclf-train", self.options)

    @property
    def changed(self) -> tuple[str, ...]:
        """Return the options of the recipe, without where images and results are.

        >>> RunCommand(("data.dir=a", "loss=focal", "hydra.run.dir=b"), "").changed
        ('loss=focal',)
        """
        return tuple(word for word in self.options if not word.startswith(ELSEWHERE))


def as_typed(command: str, options: Sequence[str]) -> str:
    """Return a command and its options as one would type them in a shell.

    >>> as_typed("imbclf-predict", ["++run='outputs/a'", "++html=true"])
    'imbclf-predict run=outputs/a html=true'
    """
    plain = (QUOTED.sub(r"\1\2", option.lstrip("+")) for option in options)
    return shlex.join([command, *plain])


def write_command(run: Path, options: Sequence[str]) -> None:
    """Write how a run is started; if it was started like this before, it keeps its date.

    Raises:
        UserError: the file is there and damaged.
    """
    plain = [option.lstrip("+") for option in options]  # commands put ++ before what is typed
    before = read_command(run)
    if before is None or before.options != tuple(plain):
        started = datetime.now().isoformat(" ", "minutes")
        write_json(run / COMMAND, {"options": plain, "started": started})


def read_command(run: Path) -> RunCommand | None:
    """Read how a run was started; None of runs of versions that did not write it down.

    Raises:
        UserError: the file is damaged.
    """
    path = run / COMMAND
    if not path.exists():
        return None
    with readable(path, "how a run of imbclf-train was started", "Remove it"):
        stored = read_json(path)
        options = field(stored, "options", list_of(text))
        return RunCommand(tuple(options), field(stored, "started", text))
