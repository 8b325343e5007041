"""The exceptions that mean something to a user."""


class UserError(Exception):
    """A mistake in the data, the options or the machine that its user can mend.

    The message names the file or option, says what was expected and what to do. Commands print
    it without a traceback and exit with code 2.
    """


class DivergedError(UserError):
    """A training whose numbers are no longer finite."""


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM: stop within seconds, keep what is finished.

    Not an `Exception`, so that nothing on the way up takes it for a failure of its own.
    """
