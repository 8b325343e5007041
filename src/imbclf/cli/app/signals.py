"""Ctrl-C and SIGTERM raise `Interrupted`, again and again until it is acknowledged.

Python drops an exception that a signal handler raises inside a finalizer, an import that it ends
leaves half a module, and libraries drop some elsewhere. A timer repeats it until
`acknowledge_interrupt` is called; systems without such timers (Windows) do without.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from imbclf.errors import Interrupted

REPEAT_AFTER = 3.0  # seconds; longer than Lightning takes to clean up
WHILE_BUSY = 0.05  # in a finalizer or an import
LONGEST_IMPORT = 10.0  # seconds; a program may have started the training in an import
IMPORT = "<frozen importlib._bootstrap>"

_received, _received_at = 0, 0.0


@contextmanager
def caught_signals() -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into `Interrupted`; a second one ends the process.

    The former handlers are restored at the end. Outside of the main thread, which alone may have
    handlers, signals are left to the program that started the thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {signal.SIGINT: _interrupt, signal.SIGTERM: _interrupt}
    if hasattr(signal, "SIGALRM"):
        handlers[signal.SIGALRM] = _repeat
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        acknowledge_interrupt()
        for number, handler in before.items():
            if handler is not None:  # None: not set from Python
                signal.signal(number, handler)


def acknowledge_interrupt() -> None:
    """Stop the timer: `Interrupted` was caught, and the caller ends the run."""
    _repeat_in(0)


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _received, _received_at
    _received, _received_at = number, time.monotonic()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _raise(frame)


def _repeat(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    _raise(frame)


def _raise(frame: FrameType | None) -> None:
    is_busy = _is_busy(frame)
    _repeat_in(WHILE_BUSY if is_busy else REPEAT_AFTER)
    if not (is_busy and hasattr(signal, "setitimer")):
        raise Interrupted(_received)


def _is_busy(frame: FrameType | None) -> bool:
    """Return whether an exception would be dropped here, or do harm."""
    imports_are_done = time.monotonic() - _received_at > LONGEST_IMPORT
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__del__" or (code.co_filename == IMPORT and not imports_are_done):
            return True
        frame = frame.f_back
    return False


def _repeat_in(seconds: float) -> None:
    if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        signal.setitimer(signal.ITIMER_REAL, seconds)
