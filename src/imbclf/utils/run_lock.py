"""Lock of a run directory: one training process at a time."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from imbclf.errors import UserError
from imbclf.utils.files import remove_leftovers

LOCK = ".lock"


@contextmanager
def lock_run(run: Path) -> Iterator[None]:
    """Hold the lock of a run directory; what a killed process left of locks and files goes.

    Raises:
        UserError: another process holds it.

    >>> import tempfile
    >>> run = Path(tempfile.mkdtemp())
    >>> with lock_run(run):
    ...     [path.name for path in run.iterdir()]
    ['.lock']
    >>> [*run.iterdir()]
    []
    """
    lock = FileLock(run / LOCK)
    try:
        run.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
        remove_leftovers(run)
    except Timeout:
        raise UserError(
            f"{run}: another process is training this run. Wait until it ends, or stop it and "
            f"resume with  imbclf-train resume={run}"
        ) from None
    except (OSError, NotImplementedError):
        pass  # no locks on this file system, or it is full, which the run itself reports
    try:
        yield
    finally:
        if lock.is_locked:
            with suppress(PermissionError):  # on Windows it goes when it is released
                (run / LOCK).unlink(missing_ok=True)
            lock.release()
