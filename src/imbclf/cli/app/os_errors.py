"""Operating system errors as one line: the option at fault, the reason and the remedy."""

import errno
from collections.abc import Iterable

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
REMEDIES = {
    errno.ENAMETOOLONG: "give a shorter name",
    errno.ENOTDIR: "a file stands where a folder is expected; choose another place",
    errno.EACCES: "change its permissions or choose another place",
    errno.EPERM: "change its permissions or choose another place",
    errno.EROFS: "choose a place that can be written to",
    errno.EMFILE: "allow more open files with ulimit -n",
    **dict.fromkeys(FULL, "free some space or write elsewhere"),
}


def is_user_fixable(error: OSError) -> bool:
    """Return whether the system refused a named file or is out of space, which the user can fix.

    >>> is_user_fixable(OSError(errno.ENAMETOOLONG, "File name too long", "aaa"))
    True
    >>> is_user_fixable(TimeoutError("raised by a library"))
    False
    """
    return error.filename is not None or error.errno in FULL


def describe_os_error(error: OSError, arguments: Iterable[str]) -> str:
    """Return the message: the option whose value the file's name holds, the reason, the remedy.

    Args:
        error: what the system raised.
        arguments: of the command line, `key=value` or not.

    >>> error = OSError(errno.ENAMETOOLONG, "File name too long", "aaa/b")
    >>> describe_os_error(error, ["seed=1", "out=aaa"])
    'out=aaa: File name too long: aaa/b; give a shorter name'
    """
    name = "" if error.filename is None else str(error.filename)
    given = [one for one in arguments if len(value := one.partition("=")[2]) > 1 and value in name]
    nearest = sorted((one.lstrip("+") for one in given), key=len)[-1:]
    parts = [*nearest, error.strerror or type(error).__name__, *([name] if name else [])]
    remedy = REMEDIES.get(error.errno or 0)
    return ": ".join(parts) + (f"; {remedy}" if remedy else "")
