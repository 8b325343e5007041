"""What a call of the library may change in the process, and does not leave changed."""

import logging
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch

LOGGERS = ("imbclf", "lightning.pytorch", "lightning.fabric")
SIGNALS = ("SIGINT", "SIGTERM", "SIGALRM")  # the last is not known on every system


@contextmanager
def unchanged_process() -> Iterator[None]:
    """Restore environment, arguments, signals, logging, warnings and random states at the end.

    Commands may set these as they like; somebody's notebook is not ours to change.

    >>> before = random.getstate()
    >>> with unchanged_process():
    ...     random.seed(1)
    ...     os.environ["IMBCLF_EXAMPLE"] = "1"
    >>> random.getstate() == before, "IMBCLF_EXAMPLE" in os.environ
    (True, False)
    """
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        stack.callback(_restore_environment, dict(os.environ), sys.argv[:], sys.path[:])
        stack.callback(random.setstate, random.getstate())
        stack.callback(np.random.set_state, np.random.get_state())  # noqa: NPY002
        stack.enter_context(torch.random.fork_rng(_used_cuda_devices()))
        for name in LOGGERS:
            logger = logging.getLogger(name)
            state = (logger.level, logger.propagate, logger.handlers[:])
            stack.callback(_restore_logger, logger, *state)
        if threading.current_thread() is threading.main_thread():
            for number in (getattr(signal, name) for name in SIGNALS if hasattr(signal, name)):
                stack.callback(signal.signal, number, signal.getsignal(number))
        yield


def _used_cuda_devices() -> list[int]:
    used = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return [*range(torch.cuda.device_count())] if used else []


def _restore_environment(environment: dict[str, str], argv: list[str], path: list[str]) -> None:
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
    sys.argv[:], sys.path[:] = argv, path


def _restore_logger(
    logger: logging.Logger, level: int, propagate: bool, handlers: list[logging.Handler]
) -> None:
    for handler in logger.handlers:
        if handler not in handlers:
            handler.close()
    logger.handlers[:], logger.propagate = handlers, propagate
    logger.setLevel(level)
