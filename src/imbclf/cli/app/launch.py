"""What every command shares: where its configuration lies, how it starts, how it ends."""

import logging
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from imbclf.cli.app.memory import keep_freed_memory
from imbclf.cli.app.os_errors import is_refusal, refusal
from imbclf.cli.app.signals import catch_signals, stop_asking
from imbclf.cli.config.conf_dir import conf_dir
from imbclf.cli.config.current_names import use_current_overrides
from imbclf.cli.config.experiment_file import adopt_experiment_files
from imbclf.cli.config.missing_choice import missing_choice
from imbclf.errors import Interrupted, UserError

log = logging.getLogger("imbclf")
MISTAKE, FAILURE = 2, 1
# Options that hold paths and names, whatever these look like.
TEXTS = {
    *("data.dir", "data.images", "data.labels", "data.cache_dir", "model.weights", "cv.start_from"),
    *("ckpt", "run", "runs", "reference", "sweep", "test_dir", "out", "name", "alias"),
    *("tracking.uri", "tracking.experiment", "tracking.directory"),
    *("tune.name", "tune.directory", "tune.storage"),
    *("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.job.name"),
}
COMPLETION = {"-sc", "--shell-completion"}
# What Hydra lets through, beside its own exceptions, where an override makes no sense to it.
COMPOSING = (ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError, OSError)


def launch(name: str, task: Callable[[DictConfig], Any]) -> int:
    """Run a task under Hydra with this command's arguments; return the exit code.

    What the user can mend ends with a message, not a traceback.

    Args:
        name: of the primary configuration, `train` for train.yaml.
        task: called with the composed configuration.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # exceptions reach `guarded` as they are
    # Hydra copies all that it ships for each group that --help lists, which took half the time.
    ConfigStore.__deepcopy__ = _itself  # type: ignore[attr-defined]
    if not COMPLETION & set(sys.argv[1:]):  # install=bash and query=bash are no overrides
        arguments = flags_first(use_current_overrides(sys.argv[1:]))
        sys.argv[1:] = [loosen(argument) for argument in arguments]
    command = f"imbclf-{name}"
    is_composed = False

    def told(cfg: DictConfig) -> Any:  # noqa: ANN401
        nonlocal is_composed
        is_composed = True
        try:
            return task(cfg)
        except (UserError, OSError) as error:
            is_mistake = isinstance(error, UserError) or is_refusal(error)
            if HydraConfig.get().mode is RunMode.MULTIRUN or not is_mistake:
                raise
            with suppress(OSError):
                Path(HydraConfig.get().runtime.output_dir).rmdir()  # only if it is empty
            # Past Hydra, which would add a line of its own.
            sys.exit(_mistake(command, _told_of(error)))

    main = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=name)

    def composed() -> None:
        try:
            sys.argv[1:] = adopt_experiment_files(sys.argv[1:])
            main(told)()
        except COMPOSING as error:
            is_told = isinstance(error, HydraException)  # of a choice that there is not, an OSError
            if is_composed or is_told or (isinstance(error, OSError) and is_refusal(error)):
                raise
            given = " ".join(sys.argv[1:])
            raise UserError(f"no configuration can be made of {given}: {error}") from error

    return guarded(command, composed)


def guarded(command: str, run: Callable[[], Any]) -> int:
    """Run something with signals turned into `Interrupted`; return the exit code."""
    catch_signals()
    keep_freed_memory()
    # Modules of the user's own, last so that none takes the place of an installed one.
    sys.path.append(str(Path.cwd()))
    try:
        run()
    except Interrupted as interruption:
        stop_asking()
        return 128 + int(interruption.args[0])
    except MissingConfigException as error:
        return _mistake(command, missing_choice(error))
    except (UserError, HydraException, OmegaConfBaseException) as error:
        return _mistake(command, str(error.__cause__ or error) if not str(error) else str(error))
    except OSError as error:
        if not is_refusal(error):
            raise
        return _mistake(command, _told_of(error))
    return 0


def flags_first(arguments: list[str]) -> list[str]:
    """Put overrides behind flags: Hydra takes none that stand before and behind `-m`.

    >>> flags_first(["seed=1", "-m", "optim=adam,sgd"])
    ['-m', 'seed=1', 'optim=adam,sgd']
    """

    def is_override(argument: str) -> bool:
        return "=" in argument and not argument.startswith("-")

    return sorted(arguments, key=is_override)


def loosen(argument: str) -> str:
    """Let Hydra take any dotted key, known or not: `check` judges keys, and says what is near.

    Without this Hydra refuses `trainer.gradient_clip_val=1` until the user writes a `+` before it.
    A value that Hydra's grammar does not take, a path with a bracket, say, is quoted for it; so is
    a path or name that it would take for a number.

    >>> loosen("optim.lr=0.1"), loosen("optim=sgd"), loosen("--help"), loosen("hydra.run.dir=x")
    ('++optim.lr=0.1', 'optim=sgd', '--help', 'hydra.run.dir=x')
    >>> loosen("data.dir=faces (1)/day=2"), loosen("out=2026_11_27"), loosen("+ckpt=[one,1e3]")
    ("++data.dir='faces (1)/day=2'", "++out='2026_11_27'", "+ckpt=[one,'1e3']")
    """
    key, equals, value = argument.partition("=")
    name = key.lstrip("+")
    if not equals or key.startswith(("-", "~")):
        return argument
    is_group = "/" in name or (conf_dir() / name).is_dir()
    if is_group:
        return argument
    sign = key.removesuffix(name) or ("" if name.startswith("hydra.") else "++")
    return f"{sign}{name}={_takeable(name, value)}"


def quoted(text: str) -> str:
    r"""Put a text into quotes as Hydra reads them: a backslash is one, but before a quote.

    >>> print(quoted(r"a\b"), quoted("it's"))
    'a\b' 'it\'s'
    """
    return str(QuotedString(text, Quote.single).with_quotes())


def _takeable(name: str, value: str) -> str:
    try:
        OverridesParser.create().parse_override(f"{name}={value}")
    except HydraException:
        return quoted(value)
    if name not in TEXTS or set(value) & set("\\'\"(){}"):
        return value
    return re.sub(r"[^,\[\]]+", lambda found: _as_text(found[0]), value)


def _as_text(element: str) -> str:
    """Quote what would be a number or a truth value: 2026_11_27 is 20261127 for Hydra."""
    read = OverridesParser.create().parse_override(f"x={element}").value()
    return quoted(element.strip()) if isinstance(read, int | float) else element


def show_messages(logfile: Path | None = None) -> None:
    """Send the package's messages to the terminal as they are and, with the time, to a file."""
    log.setLevel(logging.INFO)
    logging.raiseExceptions = False  # a full disk costs the log file a line, not the user a screen
    log.propagate = False
    for earlier in log.handlers:
        earlier.close()
    log.handlers.clear()
    log.addHandler(logging.StreamHandler(sys.stdout))
    if logfile is not None:
        logfile.parent.mkdir(parents=True, exist_ok=True)
        to_file = logging.FileHandler(logfile, encoding="utf-8")
        to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(to_file)


def refuse_overwriting(out: Path, file: str, what: str, overwrite: object) -> None:
    """Refuse an output folder that holds an earlier result, unless it may be overwritten.

    Raises:
        UserError: says how to go on, or that `overwrite` is neither true nor false.
    """
    expect_bool("overwrite", overwrite)
    if (out / file).exists() and not overwrite:
        raise UserError(f"out={out}: holds {what} already; choose another or overwrite=true")


def expect_bool(name: str, value: object) -> None:
    """Refuse what is neither true nor false: `no` is a text for Hydra, and no empty one.

    Raises:
        UserError: it is anything else.

    >>> expect_bool("overwrite", "no")
    Traceback (most recent call last):
    imbclf.errors.UserError: overwrite=no: expected true or false
    """
    if not isinstance(value, bool):
        raise UserError(f"{name}={value}: expected true or false")


def _itself(store: ConfigStore, memo: object) -> ConfigStore:
    """Stand in for a copy of what nobody changes."""
    del memo
    return store


def _told_of(error: UserError | OSError) -> str:
    return refusal(error, sys.argv[1:]) if isinstance(error, OSError) else str(error)


def _mistake(command: str, message: str) -> int:
    print(f"{command}: error: {printable(message)}", file=sys.stderr)
    return MISTAKE


def printable(message: str) -> str:
    r"""Spell out what a terminal would obey, in a name that a message quotes.

    >>> printable("there is no \x1b[31mfile\n  nor é")
    'there is no \\x1b[31mfile\n  nor é'
    """
    return "".join(
        letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1]
        for letter in message
    )
