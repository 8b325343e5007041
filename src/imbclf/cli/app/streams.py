"""Output that nobody reads: a command goes on after `| head -1`, and without a terminal."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

GONE = (errno.EPIPE, errno.EINVAL)  # the latter where Windows says that a pipe has no reader


class PipeProof:
    """A text stream whose reader may leave: what is written afterwards is dropped.

    >>> import io
    >>> stream = PipeProof(io.StringIO())
    >>> stream.write("as before"), stream.getvalue()
    (9, 'as before')
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write text, or drop it."""
        try:
            return self._stream.write(text)
        except OSError as error:
            if error.errno not in GONE:
                raise
            self._drop()
            return len(text)

    def flush(self) -> None:
        """Flush the stream, or drop what it holds."""
        try:
            self._stream.flush()
        except OSError as error:
            if error.errno not in GONE:
                raise
            self._drop()

    def _drop(self) -> None:
        """Lead the descriptor nowhere, for this stream, for libraries and for later processes."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


@contextmanager
def lasting_streams() -> Iterator[None]:
    """Have `sys.stdout` and `sys.stderr` that always accept text; restore them at the end.

    A descriptor that is closed (`2>&-`, a daemon) leads nowhere instead: it would else become that
    of the next file that is opened, into which libraries would write their messages.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # takes the lowest free one
    before = sys.stdout, sys.stderr
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123
        sys.stdout, sys.stderr = (
            cast("TextIO", PipeProof(nowhere if stream is None else stream)) for stream in before
        )
        try:
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError, ValueError):
                    stream.flush()
            sys.stdout, sys.stderr = before
