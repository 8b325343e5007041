"""Lock of the cache folder: one writing process at a time."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from imbclf.errors import UserError

logger = logging.getLogger("imbclf")


@contextmanager
def lock_cache(cache_dir: Path) -> Iterator[None]:
    """Lock a cache folder for writing, and remove the partial caches of killed processes.

    Raises:
        UserError: the folder cannot be written to.
    """
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        lock = FileLock(cache_dir / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            logger.info("Waiting for another process that decodes images into %s", cache_dir)
            lock.acquire()
        try:
            for leftover in cache_dir.glob(f"{'[0-9a-f]' * 32}.partial"):
                shutil.rmtree(leftover)
            yield
        finally:
            lock.release()
    except OSError as error:
        if error.errno is None:
            raise  # not from the operating system
        raise UserError(
            f"Cannot keep decoded images in {cache_dir}: {error.strerror}; "
            "choose a writable folder with free space by data.cache_dir=FOLDER"
        ) from error
