"""Ctrl-C and SIGTERM become `Interrupted`, raised until it gets through.

Python drops an exception that a signal handler raises inside a finaliser, and libraries drop some
elsewhere. A timer asks again until `acknowledge_interrupt` says that the exception was caught.
"""

import signal
from types import FrameType

from imbclf.errors import Interrupted

ASK_AGAIN = 3.0  # seconds; longer than Lightning takes to put its things away
AFTER_FINALISER = 0.05

_received = 0


def catch_signals() -> None:
    """Turn the first SIGINT or SIGTERM into `Interrupted`; a second one ends the process."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGALRM, _ask_again)


def acknowledge_interrupt() -> None:
    """Stop asking: `Interrupted` was caught by somebody who ends the run."""
    signal.setitimer(signal.ITIMER_REAL, 0)


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _received
    _received = number
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _raise(frame)


def _ask_again(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    _raise(frame)


def _raise(frame: FrameType | None) -> None:
    in_finaliser = False
    while frame is not None:
        in_finaliser |= frame.f_code.co_name == "__del__"
        frame = frame.f_back
    signal.setitimer(signal.ITIMER_REAL, AFTER_FINALISER if in_finaliser else ASK_AGAIN)
    if not in_finaliser:
        raise Interrupted(_received)
