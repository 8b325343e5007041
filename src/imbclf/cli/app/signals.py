"""Ctrl-C and SIGTERM raise `Interrupted`, again and again until it is acknowledged.

Python drops an exception that a signal handler raises inside a finalizer, and libraries drop some
elsewhere. A timer repeats it until `acknowledge_interrupt` is called.
"""

import signal
from types import FrameType

from imbclf.errors import Interrupted

REPEAT_AFTER = 3.0  # seconds; longer than Lightning takes to clean up
AFTER_FINALIZER = 0.05

_received = 0


def catch_signals() -> None:
    """Turn the first SIGINT or SIGTERM into `Interrupted`; a second one ends the process."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGALRM, _repeat)


def acknowledge_interrupt() -> None:
    """Stop the timer: `Interrupted` was caught, and the caller ends the run."""
    signal.setitimer(signal.ITIMER_REAL, 0)


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _received
    _received = number
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _raise(frame)


def _repeat(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    _raise(frame)


def _raise(frame: FrameType | None) -> None:
    in_finalizer = False
    while frame is not None:
        in_finalizer |= frame.f_code.co_name == "__del__"
        frame = frame.f_back
    signal.setitimer(signal.ITIMER_REAL, AFTER_FINALIZER if in_finalizer else REPEAT_AFTER)
    if not in_finalizer:
        raise Interrupted(_received)
