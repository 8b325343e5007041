"""How every command starts and ends: Hydra, signals, error messages, exit codes."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from imbclf.cli.app.memory import keep_freed_memory
from imbclf.cli.app.messages import printable
from imbclf.cli.app.os_errors import describe_os_error, is_user_fixable
from imbclf.cli.app.signals import acknowledge_interrupt, catch_signals
from imbclf.cli.config.conf_dir import conf_dir
from imbclf.cli.config.current_names import use_current_overrides
from imbclf.cli.config.experiment_file import register_experiment_files
from imbclf.cli.config.home_paths import expand_home, expand_home_in
from imbclf.cli.config.hydra_overrides import flags_first, to_hydra_override
from imbclf.cli.config.missing_choice import missing_choice
from imbclf.errors import Interrupted, UserError

EXIT_USER_ERROR, EXIT_FAILURE = 2, 1
COMPLETION = {"-sc", "--shell-completion"}
# What Hydra raises, beside its own exceptions, for overrides that it cannot process.
MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError, OSError)


def launch(name: str, task: Callable[[DictConfig], Any]) -> int:
    """Run a task under Hydra with this command's arguments; return the exit code.

    Errors that the user can fix end with a message, not a traceback.

    Args:
        name: of the primary configuration, `train` for train.yaml.
        task: called with the composed configuration.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # exceptions reach `run_command` as they are
    # Hydra copies all that it ships for each group that --help lists: half the time of --help.
    ConfigStore.__deepcopy__ = _itself  # type: ignore[attr-defined]
    if not COMPLETION & set(sys.argv[1:]):  # install=bash and query=bash are no overrides
        given = [expand_home(argument) for argument in sys.argv[1:]]
        arguments = flags_first(use_current_overrides(given))
        sys.argv[1:] = [to_hydra_override(argument) for argument in arguments]
    command = f"imbclf-{name}"
    is_composed = False

    def run_task(cfg: DictConfig) -> Any:  # noqa: ANN401
        nonlocal is_composed
        is_composed = True
        expand_home_in(cfg)
        try:
            return task(cfg)
        except (UserError, OSError) as error:
            is_fixable = isinstance(error, UserError) or is_user_fixable(error)
            if HydraConfig.get().mode is RunMode.MULTIRUN or not is_fixable:
                raise
            with suppress(OSError):
                Path(HydraConfig.get().runtime.output_dir).rmdir()  # only if it is empty
            # Past Hydra, which would add a line of its own.
            sys.exit(_print_error(command, _message(error)))

    main = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=name)

    def run_hydra() -> None:
        try:
            sys.argv[1:] = register_experiment_files(sys.argv[1:])
            main(run_task)()
        except MALFORMED as error:
            is_hydra = isinstance(error, HydraException)  # of an unknown choice, also an OSError
            if is_composed or is_hydra or (isinstance(error, OSError) and is_user_fixable(error)):
                raise
            given = " ".join(sys.argv[1:])
            raise UserError(f"cannot compose a configuration from {given}: {error}") from error

    return run_command(command, run_hydra)


def run_command(command: str, run: Callable[[], Any]) -> int:
    """Run a command with signals turned into `Interrupted`; return the exit code."""
    catch_signals()
    keep_freed_memory()
    # For the user's own modules; last, so that none shadows an installed one.
    sys.path.append(str(Path.cwd()))
    try:
        run()
    except Interrupted as interruption:
        acknowledge_interrupt()
        return 128 + int(interruption.args[0])
    except MissingConfigException as error:
        return _print_error(command, missing_choice(error))
    except (UserError, HydraException, OmegaConfBaseException) as error:
        return _print_error(command, str(error) or str(error.__cause__ or error))
    except OSError as error:
        if not is_user_fixable(error):
            raise
        return _print_error(command, _message(error))
    return 0


def _itself(store: ConfigStore, memo: object) -> ConfigStore:
    """Replace a deep copy: nobody changes the store."""
    del memo
    return store


def _message(error: UserError | OSError) -> str:
    return describe_os_error(error, sys.argv[1:]) if isinstance(error, OSError) else str(error)


def _print_error(command: str, message: str) -> int:
    print(f"{command}: error: {printable(message)}", file=sys.stderr)
    return EXIT_USER_ERROR
