"""One process at a time trains in a run directory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from imbclf.errors import UserError

LOCK = ".lock"


@contextmanager
def lock_run(run: Path) -> Iterator[None]:
    """Keep other processes out of a run directory; a killed one keeps nobody out.

    Raises:
        UserError: another process is in it.

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
    except Timeout:
        raise UserError(
            f"{run}: another process is training this run. Wait until it ends, or end it and go "
            f"on with imbclf-train resume={run}"
        ) from None
    except (OSError, NotImplementedError):
        pass  # a file system that knows no locks, or is full, which the run itself will tell
    try:
        yield
    finally:
        if lock.is_locked:
            (run / LOCK).unlink(missing_ok=True)
            lock.release()
