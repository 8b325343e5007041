"""How every command starts and ends: Hydra, signals, error messages, exit codes."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from imbclf.cli.app.failed_start import remove_failed_start
from imbclf.cli.app.figure_backend import usable_figure_backend
from imbclf.cli.app.hydra_flags import use_flag_parser
from imbclf.cli.app.json_result import as_json, report_error
from imbclf.cli.app.memory import keep_freed_memory
from imbclf.cli.app.messages import printable
from imbclf.cli.app.os_errors import describe_os_error, is_user_fixable
from imbclf.cli.app.signals import acknowledge_interrupt, caught_signals
from imbclf.cli.app.streams import lasting_streams
from imbclf.cli.app.versions import versions
from imbclf.cli.config.arguments import command_arguments
from imbclf.cli.config.conf_dir import conf_dir
from imbclf.cli.config.experiment_file import register_experiment_files
from imbclf.cli.config.home_paths import anchor_paths, expand_home_in
from imbclf.cli.config.hydra_messages import in_user_words
from imbclf.errors import Interrupted, UserError

HELP = {"--help", "-h"}
EXIT_USER_ERROR, EXIT_FAILURE = 2, 1
# What Hydra raises, beside its own exceptions, for overrides that it cannot process.
MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError, OSError)
EXPECTED = (UserError, HydraException, OmegaConfBaseException)


def launch(name: str, task: Callable[[DictConfig], Any], positional: Sequence[str] = ()) -> int:
    """Run a task under Hydra with this command's arguments; return the exit code.

    Errors that the user can fix end with a message, not a traceback.

    Args:
        name: of the primary configuration, `train` for train.yaml.
        task: called with the composed configuration.
        positional: options that may stand without their name, in this order.
    """
    command = f"imbclf-{name}"
    own_task = _with_messages(task, command)
    return as_json(
        command, lambda: run_command(command, lambda: _run_hydra(name, own_task, positional))
    )


def _with_messages(task: Callable[[DictConfig], Any], command: str) -> Callable[[DictConfig], Any]:
    """Return a task that a user's error ends with a message, with paths as the user meant them."""

    def run_task(cfg: DictConfig) -> Any:  # noqa: ANN401
        try:
            expand_home_in(cfg)
            if HydraConfig.get().job.chdir:
                anchor_paths(cfg, Path(HydraConfig.get().runtime.cwd))
            return task(cfg)
        except (*EXPECTED, OSError) as error:
            is_fixable = isinstance(error, EXPECTED) or is_user_fixable(error)
            if HydraConfig.get().mode is RunMode.MULTIRUN or not is_fixable:
                raise
            remove_failed_start(Path(HydraConfig.get().runtime.output_dir))
            # Past Hydra, which would add a line of its own.
            sys.exit(_print_error(command, _message(error)))
        except Interrupted:
            remove_failed_start(Path(HydraConfig.get().runtime.output_dir))
            raise

    return run_task


def _run_hydra(name: str, task: Callable[[DictConfig], Any], positional: Sequence[str]) -> None:
    """Compose the configuration of the arguments and run a task with it, or show help."""
    if "--version" in sys.argv[1:]:
        print(versions())
        return
    main = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=name)
    use_flag_parser()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # exceptions reach `run_command` as they are
    # Hydra copies all that it ships for each group that --help lists: half the time of --help.
    ConfigStore.__deepcopy__ = _itself  # type: ignore[attr-defined]
    if HELP & {*sys.argv[1:]}:
        from imbclf.cli.help.show import replace_help, take_topics

        topics, sys.argv[1:] = take_topics(sys.argv[1:])
        replace_help(topics)
    sys.argv[1:] = command_arguments(name, sys.argv[1:], positional)
    is_composed = False

    def run_task(cfg: DictConfig) -> Any:  # noqa: ANN401
        nonlocal is_composed
        is_composed = True
        return task(cfg)

    try:
        sys.argv[1:] = register_experiment_files(sys.argv[1:])
        main(run_task)()
    except MALFORMED as error:
        is_hydra = isinstance(error, HydraException)  # of an unknown choice, also an OSError
        if is_composed or is_hydra or (isinstance(error, OSError) and is_user_fixable(error)):
            raise
        given = " ".join(sys.argv[1:])
        raise UserError(f"cannot compose a configuration from {given}: {error}") from error


def run_command(command: str, run: Callable[[], Any]) -> int:
    """Run a command with signals turned into `Interrupted`; return the exit code."""
    keep_freed_memory()
    with lasting_streams(), usable_figure_backend(), caught_signals(), _own_arguments():
        try:
            # For the user's own modules; last, so that none shadows an installed one.
            sys.path.append(str(Path.cwd()))
        except FileNotFoundError:
            return _print_error(command, "the working directory no longer exists; cd to another")
        try:
            run()
        except Interrupted as interruption:
            acknowledge_interrupt()
            report_error("interrupted")
            return 128 + int(interruption.args[0])
        except KeyboardInterrupt:  # the second Ctrl-C
            report_error("interrupted")
            return 128 + signal.SIGINT
        except EXPECTED as error:
            return _print_error(command, _message(error))
        except OSError as error:
            if not is_user_fixable(error):
                raise
            return _print_error(command, _message(error))
    return 0


@contextmanager
def _own_arguments() -> Iterator[None]:
    """Restore `sys.argv` and `sys.path` at the end."""
    argv, path = sys.argv[:], sys.path[:]
    try:
        yield
    finally:
        sys.argv[:], sys.path[:] = argv, path


def _itself(store: ConfigStore, memo: object) -> ConfigStore:
    """Replace a deep copy: nobody changes the store."""
    del memo
    return store


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, MissingConfigException):
        return describe_os_error(error, sys.argv[1:])
    return in_user_words(error)


def _print_error(command: str, message: str) -> int:
    report_error(message)
    print(f"{command}: error: {printable(message)}", file=sys.stderr)
    return EXIT_USER_ERROR
