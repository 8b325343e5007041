"""Exceptions that users see."""


class UserError(Exception):
    """A mistake in the data, the options or the machine that the user can fix.

    The message names the file or option, says what was expected and what to do. Commands print
    it without a traceback and exit with code 2.
    """


class DivergedError(UserError):
    """Training diverged: a loss or weight is no longer finite."""


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM: stop within seconds, keep what is finished.

    Not an `Exception`, so that no `except Exception` on the way up swallows it.
    """
