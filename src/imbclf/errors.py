"""The one exception for what a user can put right."""


class UserError(Exception):
    """A mistake in the data, the options or the machine that its user can mend.

    The message names the file or option, says what was expected and what to do. Commands print
    it without a traceback and exit with code 2.
    """


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM: stop within seconds, keep what is finished.

    Not an `Exception`, so that nothing on the way up takes it for a failure of its own.
    """
